import { buildCall, chooseRoutine } from './build-call.ts'
import { buildSelect, type SelectContext } from './build-select.ts'
import { buildDelete, buildInsert, buildUpdate } from './build-write.ts'
import { parseQuery, isReserved, type Query } from './parse-query.ts'
import type { Preferences } from './preferences.ts'
import { RestError } from './rest-error.ts'
import type { Relation, Routine, Schema } from './schema-cache.ts'
import { splitOutside, unquote } from './split-outside.ts'
import { Parameters } from './sql-text.ts'

export interface RestRequest {
  method: string
  /** The part behind `/rest/v1/`, such as `messages` or `rpc/send`. */
  path: string
  query: [string, string][]
  headers: Headers
  body: string
}

/** One statement, and how its rows become an answer. */
export interface Plan {
  /** The statement that writes, with its returned rows as `_written`. */
  written?: string
  sql: string
  /** Counts all rows, whatever page is asked for. */
  count: string | undefined
  parameters: unknown[]
  readOnly: boolean
  /** `rows` is a JSON list (or one object where that is asked for), `row` an object, `scalar(s)` the value(s) themselves. */
  shape: 'rows' | 'row' | 'scalar' | 'scalars' | 'none'
  offset: number
  status: number
}

/** Turns a request into SQL. Throws `RestError` for what is unknown, malformed or not allowed. */
export function planRequest(
  request: RestRequest,
  preferences: Preferences,
  schemaName: string,
  schema: Schema,
  maximumRows: number,
): Plan {
  const context: SelectContext = { schemaName, schema, parameters: new Parameters(), aliases: { next: 1 } }
  const [first = '', second, third] = request.path.split('/').map(decodeURIComponent)
  if (first === 'rpc' && second !== undefined && third === undefined)
    return planCall(request, second, context, preferences, maximumRows)
  if (first === '' || second !== undefined) {
    throw new RestError(404, { code: 'PGRST125', message: 'Invalid path specified in request URL' })
  }
  const relation = schema.relations.get(first)
  if (!relation) {
    throw new RestError(404, {
      code: 'PGRST205',
      message: `Could not find the table '${schemaName}.${first}' in the schema cache`,
    })
  }
  return planRelation(request, relation, context, preferences, maximumRows)
}

function planRelation(
  request: RestRequest,
  relation: Relation,
  context: SelectContext,
  preferences: Preferences,
  maximumRows: number,
): Plan {
  const query = withRange(parseQuery(request.query), request.headers)
  const base = { parameters: context.parameters.values, readOnly: false, count: undefined, offset: 0 }
  if (request.method === 'GET' || request.method === 'HEAD') {
    const source = `"${context.schemaName}"."${relation.name.replaceAll('"', '""')}"`
    const { rows, count } = buildSelect(query, source, { alias: relation.name, relation }, context, { maximumRows })
    return {
      ...base,
      sql: rows,
      count: preferences.count && count,
      readOnly: true,
      shape: 'rows',
      offset: query.offset ?? 0,
      status: 200,
    }
  }
  const returned = preferences.return === 'representation' ? query : undefined
  const written = writeStatement(request, relation, query, returned, context, preferences)
  const shown: Query = { ...query, where: [], limit: undefined, offset: undefined }
  const { rows } = buildSelect(shown, '_written', { alias: relation.name, relation }, context)
  return {
    ...base,
    written,
    sql: returned ? rows : 'select from _written',
    shape: returned ? 'rows' : 'none',
    status: request.method === 'POST' ? 201 : returned ? 200 : 204,
  }
}

function writeStatement(
  request: RestRequest,
  relation: Relation,
  query: Query,
  returned: Query | undefined,
  context: SelectContext,
  preferences: Preferences,
): string {
  switch (request.method) {
    case 'POST':
      return buildInsert(
        parseBody(request.body),
        {
          columns: names(request.query, 'columns'),
          onConflict: names(request.query, 'on_conflict'),
          resolution: preferences.resolution,
          missingDefault: preferences.missingDefault,
        },
        relation,
        returned,
        context,
      )
    case 'PATCH':
      return buildUpdate(parseBody(request.body), query, relation, returned, context)
    case 'DELETE':
      return buildDelete(query, relation, returned, context)
    default:
      throw new RestError(405, { code: 'PGRST117', message: `Unsupported HTTP method: ${request.method}` })
  }
}

function planCall(
  request: RestRequest,
  routineName: string,
  context: SelectContext,
  preferences: Preferences,
  maximumRows: number,
): Plan {
  const { schema } = context
  const get = request.method === 'GET' || request.method === 'HEAD'
  if (!get && request.method !== 'POST') {
    throw new RestError(405, { code: 'PGRST101', message: `Cannot use the ${request.method} method on RPC` })
  }
  const known = new Set(
    schema.routines.get(routineName)?.flatMap((routine) => routine.arguments.map((argument) => argument.name)),
  )
  const isArgument = ([key]: [string, string]): boolean => get && !isReserved(key) && known.has(key)
  const body = get ? Object.fromEntries(request.query.filter(isArgument)) : objectBody(request.body)
  const routine = chooseRoutine(routineName, Object.keys(body), schema)
  const query = withRange(parseQuery(request.query.filter((parameter) => !isArgument(parameter))), request.headers)
  const { rows, count } = buildCall(routine, body, query, context, maximumRows)
  return {
    sql: rows,
    count: routine.set ? preferences.count && count : undefined,
    parameters: context.parameters.values,
    readOnly: get || !routine.volatile,
    shape: shapeOf(routine),
    offset: query.offset ?? 0,
    status: routine.returns === 'void' ? 204 : 200,
  }
}

function shapeOf(routine: Routine): Plan['shape'] {
  if (routine.returns === 'void') return 'none'
  if (routine.returns === 'composite') return routine.set ? 'rows' : 'row'
  return routine.set ? 'scalars' : 'scalar'
}

function names(query: [string, string][], key: string): string[] | undefined {
  const value = query.find(([parameter]) => parameter === key)?.[1]
  return value === undefined || value === '' ? undefined : splitOutside(value, ',').map((item) => unquote(item.trim()))
}

/** `Range: 0-9` means limit and offset, where the URL says neither. */
function withRange(query: Query, headers: Headers): Query {
  const [, first, last] = /^(\d+)-(\d*)$/.exec(headers.get('range') ?? '') ?? []
  if (first === undefined || query.limit !== undefined || query.offset !== undefined) return query
  return { ...query, offset: Number(first), limit: last ? Number(last) - Number(first) + 1 : undefined }
}

function objectBody(text: string): Record<string, unknown> {
  const body: unknown = text === '' ? {} : parseBody(text)
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body as Record<string, unknown>
  throw new RestError(400, { code: 'PGRST102', message: 'The arguments of a function are one JSON object' })
}

function parseBody(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new RestError(400, { code: 'PGRST102', message: 'Empty or invalid json' })
  }
}
