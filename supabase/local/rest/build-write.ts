import { neededColumns, type SelectContext } from './build-select.ts'
import { buildWhere } from './build-where.ts'
import type { Query } from './parse-query.ts'
import { RestError } from './rest-error.ts'
import type { Relation } from './schema-cache.ts'
import { name } from './sql-text.ts'

export interface InsertOptions {
  /** `columns=`: the columns to write; without it those of the first row. */
  columns: string[] | undefined
  onConflict: string[] | undefined
  resolution: 'merge' | 'ignore' | undefined
  /** `missing=default`: a key that a row lacks takes the column's default instead of null. */
  missingDefault: boolean
}

/** `insert …` from a JSON body of one row or a list of rows; `returning` what the query selects, when rows are wanted. */
export function buildInsert(
  body: unknown,
  options: InsertOptions,
  relation: Relation,
  query: Query | undefined,
  context: SelectContext,
): string {
  const rows = rowsOf(body)
  const columns = options.columns ?? keysOfAll(rows)
  const target = `${name(context.schemaName)}.${name(relation.name)}`
  const list = columns.map((column) => known(relation, column))
  const returning = buildReturning(query, relation, context)
  if (list.length === 0) {
    return rows.length === 0
      ? `insert into ${target} select * from ${target} where false ${returning}`
      : `insert into ${target} default values ${returning}`
  }
  const values = context.parameters.bind(JSON.stringify(rows))
  const source = options.missingDefault ? withDefaults(values, columns, relation) : `${values}::json`
  const populate = options.missingDefault ? 'jsonb_populate_recordset' : 'json_populate_recordset'
  return [
    `insert into ${target} (${list.join(', ')})`,
    `select ${list.join(', ')} from ${populate}(null::${target}, ${source}) _`,
    conflictClause(options, columns, relation),
    returning,
  ].join(' ')
}

/** `update … set` the keys of the JSON body, on the rows that the filters say. */
export function buildUpdate(
  body: unknown,
  filters: Query,
  relation: Relation,
  query: Query | undefined,
  context: SelectContext,
): string {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw invalidBody('An update takes one JSON object')
  refuseUnfiltered(filters, 'UPDATE')
  const target = `${name(context.schemaName)}.${name(relation.name)}`
  const columns = Object.keys(body).map((column) => known(relation, column))
  const returning = buildReturning(query, relation, context)
  if (columns.length === 0) return `select * from ${target} where false`
  const where = buildWhere(filters.where, { alias: relation.name, relation }, context.parameters)
  const value = context.parameters.bind(JSON.stringify(body))
  return [
    `update ${target} set ${columns.map((column) => `${column} = _.${column}`).join(', ')}`,
    `from (select ${columns.join(', ')} from json_populate_record(null::${target}, ${value}::json)) _`,
    `where ${where} ${returning}`,
  ].join(' ')
}

/** `delete` of the rows that the filters say. */
export function buildDelete(
  filters: Query,
  relation: Relation,
  query: Query | undefined,
  context: SelectContext,
): string {
  refuseUnfiltered(filters, 'DELETE')
  const where = buildWhere(filters.where, { alias: relation.name, relation }, context.parameters)
  return `delete from ${name(context.schemaName)}.${name(relation.name)} where ${where} ${buildReturning(query, relation, context)}`
}

/** Only the columns that are asked for: a role may lack SELECT on the others, or on all of them. */
function buildReturning(query: Query | undefined, relation: Relation, context: SelectContext): string {
  if (!query) return 'returning 1'
  const needed = neededColumns(query.select, relation, context)
  const columns = needed?.map((column) => `${name(relation.name)}.${known(relation, column)}`)
  return `returning ${columns?.join(', ') ?? `${name(relation.name)}.*`}`
}

function rowsOf(body: unknown): Record<string, unknown>[] {
  const rows: unknown[] = Array.isArray(body) ? body : [body]
  if (!rows.every((row) => typeof row === 'object' && row !== null && !Array.isArray(row)))
    throw invalidBody('An insert takes JSON objects')
  return rows as Record<string, unknown>[]
}

function keysOfAll(rows: Record<string, unknown>[]): string[] {
  const keys = Object.keys(rows[0] ?? {})
  const wanted = keys.toSorted().join('\0')
  if (rows.some((row) => Object.keys(row).toSorted().join('\0') !== wanted))
    throw invalidBody('All object keys must match')
  return keys
}

function withDefaults(values: string, columns: string[], relation: Relation): string {
  const defaults = relation.columns
    .filter((column) => columns.includes(column.name) && column.default !== null)
    .map((column) => `'${column.name.replaceAll("'", "''")}', ${column.default}`)
  return `(select jsonb_agg(jsonb_build_object(${defaults.join(', ')}) || element) from jsonb_array_elements(${values}::jsonb) element)`
}

function conflictClause(options: InsertOptions, columns: string[], relation: Relation): string {
  if (options.resolution === undefined) return ''
  const keys = options.onConflict ?? relation.primaryKey
  if (keys.length === 0) return options.resolution === 'ignore' ? 'on conflict do nothing' : ''
  const target = `on conflict (${keys.map((key) => known(relation, key)).join(', ')})`
  if (options.resolution === 'ignore') return `${target} do nothing`
  return `${target} do update set ${columns.map((column) => `${name(column)} = excluded.${name(column)}`).join(', ')}`
}

function known(relation: Relation, column: string): string {
  if (relation.columns.some((candidate) => candidate.name === column)) return name(column)
  throw new RestError(400, {
    code: 'PGRST204',
    message: `Could not find the '${column}' column of '${relation.name}' in the schema cache`,
  })
}

/** The platform runs with pg-safeupdate: no update or delete of a whole table by an empty filter. */
function refuseUnfiltered(filters: Query, verb: string): void {
  if (filters.where.length === 0)
    throw new RestError(400, { code: '21000', message: `${verb} requires a WHERE clause` })
}

function invalidBody(message: string): RestError {
  return new RestError(400, { code: 'PGRST102', message })
}
