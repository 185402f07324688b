import { buildField, buildWhere, type Scope } from './build-where.ts'
import type { Embed, OrderTerm, Query, SelectItem } from './parse-query.ts'
import { RestError } from './rest-error.ts'
import type { Reference, Relation, Schema } from './schema-cache.ts'
import { name, type Parameters } from './sql-text.ts'

export interface SelectContext {
  schemaName: string
  schema: Schema
  parameters: Parameters
  /** Numbers the aliases of embedded relations. */
  aliases: { next: number }
}

/**
 * `select … from <source> as <alias> where … order by … limit …` for a query; `maximumRows` caps its outermost level.
 * @returns the statement, and the one that counts all its rows without paging
 */
export function buildSelect(
  query: Query,
  source: string,
  scope: Scope,
  context: SelectContext,
  { maximumRows = Infinity, join = 'true' }: { maximumRows?: number; join?: string } = {},
): { rows: string; count: string } {
  const from = `from ${source} ${name(scope.alias)} where ${join} and ${conditions(query, scope, context)}`
  const limit = Math.min(query.limit ?? Infinity, maximumRows)
  const rows = [
    `select ${buildColumns(query.select, scope, context)} ${from}`,
    buildOrder(query.order, scope),
    Number.isFinite(limit) ? `limit ${limit}` : '',
    query.offset === undefined ? '' : `offset ${query.offset}`,
  ].join(' ')
  return { rows, count: `select 1 ${from}` }
}

/** The column list of a select, embedded relations included. */
export function buildColumns(items: SelectItem[], scope: Scope, context: SelectContext): string {
  const columns = items.flatMap((item) => {
    if (item.kind === 'star') return [`${name(scope.alias)}.*`]
    if (item.kind === 'embed') return item.query.select.length === 0 ? [] : [buildEmbed(item, scope, context)]
    const label = item.alias ?? item.field.path.findLast(({ key }) => !/^-?\d+$/.test(key))?.key ?? item.field.column
    const value = buildField(item.field, scope)
    return [`${item.cast === undefined ? value : `cast(${value} as ${item.cast})`} as ${name(label)}`]
  })
  return columns.length === 0 ? '' : columns.join(', ')
}

/** The columns of a relation that a select needs from it, those of its foreign keys included; `undefined` for all. */
export function neededColumns(items: SelectItem[], relation: Relation, context: SelectContext): string[] | undefined {
  const needed = new Set<string>()
  for (const item of items) {
    if (item.kind === 'star') return undefined
    if (item.kind === 'column') needed.add(item.field.column)
    else for (const column of resolve(item, relation, context.schema).own) needed.add(column)
  }
  return [...needed]
}

function conditions(query: Query, scope: Scope, context: SelectContext): string {
  const inner = query.select.flatMap((item) => {
    if (item.kind !== 'embed' || !item.inner) return []
    const { source, scope: target, join } = enter(item, scope, context)
    return [
      `exists (select from ${source} ${name(target.alias)} where ${join} and ${conditions(item.query, target, context)})`,
    ]
  })
  return [buildWhere(query.where, scope, context.parameters), ...inner].join(' and ')
}

function buildEmbed(item: Embed, scope: Scope, context: SelectContext): string {
  const { source, scope: target, join, many } = enter(item, scope, context)
  const { rows } = buildSelect(item.query, source, target, context, { join })
  const value = many
    ? `(select coalesce(json_agg(row_to_json(_e)), '[]') from (${rows}) _e)`
    : `(select row_to_json(_e) from (${rows}) _e)`
  return `${value} as ${name(item.alias ?? item.target)}`
}

/** The embedded relation as a new scope, and how its rows hang on the outer ones. */
function enter(
  item: Embed,
  scope: Scope,
  context: SelectContext,
): { source: string; scope: Scope; join: string; many: boolean } {
  if (!scope.relation) throw noRelationship('the function result', item.target)
  const { relation, own, theirs, many } = resolve(item, scope.relation, context.schema)
  const alias = `${relation.name}_${context.aliases.next++}`
  const join = own
    .map((column, index) => `${name(alias)}.${name(theirs[index] ?? '')} = ${name(scope.alias)}.${name(column)}`)
    .join(' and ')
  return { source: `${name(context.schemaName)}.${name(relation.name)}`, scope: { alias, relation }, join, many }
}

interface Relationship {
  relation: Relation
  own: string[]
  theirs: string[]
  many: boolean
}

function resolve(item: Embed, from: Relation, schema: Schema): Relationship {
  const found = schema.references.flatMap((reference) => relationships(reference, item, from, schema))
  const [first] = found
  if (!first) throw noRelationship(from.name, item.target)
  if (found.length > 1) {
    throw new RestError(300, {
      code: 'PGRST201',
      message: `Could not embed because more than one relationship was found for '${from.name}' and '${item.target}'`,
      hint: `Try changing '${item.target}' to one of the following: ${schema.references
        .filter((reference) => relationships(reference, item, from, schema).length > 0)
        .map((reference) => `'${item.target}!${reference.name}'`)
        .join(', ')}. Find the desired relationship in the 'details' key.`,
    })
  }
  return first
}

/** The ways in which one foreign key answers an embed: from its holder to its target, and back. The embed may name the target, the key or its column. */
function relationships(reference: Reference, item: Embed, from: Relation, schema: Schema): Relationship[] {
  const hinted = (columns: string[]): boolean =>
    item.hint === undefined || item.hint === reference.name || (columns.length === 1 && item.hint === columns[0])
  const named = (relation: string): boolean => item.target === relation || item.target === reference.name
  const result: Relationship[] = []
  const to = schema.relations.get(reference.to)
  const holder = schema.relations.get(reference.from)
  const byColumn = reference.fromColumns.length === 1 && item.target === reference.fromColumns[0]
  if (to && reference.from === from.name && (named(reference.to) || byColumn) && hinted(reference.fromColumns)) {
    result.push({ relation: to, own: reference.fromColumns, theirs: reference.toColumns, many: false })
  }
  if (
    holder &&
    reference.to === from.name &&
    named(reference.from) &&
    hinted(reference.fromColumns) &&
    !(result.length > 0 && reference.from === reference.to && item.hint !== reference.name)
  ) {
    result.push({ relation: holder, own: reference.toColumns, theirs: reference.fromColumns, many: !reference.unique })
  }
  return result
}

function noRelationship(from: string, to: string): RestError {
  return new RestError(400, {
    code: 'PGRST200',
    message: `Could not find a relationship between '${from}' and '${to}' in the schema cache`,
    details: `Searched for a foreign key relationship between '${from}' and '${to}' in the schema 'public', but no matches were found.`,
  })
}

function buildOrder(order: OrderTerm[], scope: Scope): string {
  if (order.length === 0) return ''
  const terms = order.map(
    ({ field, descending, nulls }) =>
      `${buildField(field, scope)} ${descending ? 'desc' : 'asc'}${nulls === undefined ? '' : ` nulls ${nulls}`}`,
  )
  return `order by ${terms.join(', ')}`
}
