import pg from 'pg'
import type { Caller } from '../caller.ts'
import { type Plan, planRequest, type RestRequest } from './plan-request.ts'
import { type Preferences, readPreferences } from './preferences.ts'
import { fromDatabase, RestError } from './rest-error.ts'
import { type Outcome, runPlan } from './run-plan.ts'
import { readSchema, type Schema } from './schema-cache.ts'

export interface RestOptions {
  /** Logs in as `authenticator`, which may become anon, authenticated or service_role. */
  databaseUrl: string
  /** Rows that one answer holds at most. */
  maximumRows: number
  /** Takes what goes wrong inside. */
  log: (line: string) => void
}

export interface Rest extends AsyncDisposable {
  /** Answers a request for `/rest/v1/<path>`. */
  fetch(request: Request, path: string, caller: Caller): Promise<Response>
}

const schemaName = 'public'
/** What the platform gives each role before a statement is cancelled. */
const statementTimeouts: Record<string, string> = { anon: '3s', authenticated: '8s' }
/** Errors that may only mean that the catalogue was read before something was made or changed. */
const staleCodes = new Set(['PGRST200', 'PGRST202', 'PGRST204', 'PGRST205', '42703', '42883', '42P01'])

/**
 * PostgREST's interface to the schema `public` (https://docs.postgrest.org), as far as supabase-js uses it: reading with
 * filters, order, paging and embedding, writing, calling functions. The database makes the JSON; its roles, policies and
 * grants decide. Left out: aggregates, spread and many-to-many embeds, CSV, OpenAPI, `response.*` settings, other schemas.
 */
export function createRest({ databaseUrl, maximumRows, log }: RestOptions): Rest {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 10 })
  pool.on('error', () => {}) // an idle connection was closed; the next request opens another
  let schema: Promise<Schema> | undefined

  return {
    async fetch(request, path, caller) {
      const authenticated = caller.role !== 'anon'
      try {
        const wanted = await readRequest(request, path)
        const cached = schema !== undefined
        try {
          return await answer(wanted, caller)
        } catch (error) {
          // Nothing was committed, so that trying again with a new catalogue does nothing twice.
          if (!cached || !staleCodes.has(fromDatabase(error, authenticated).body.code)) throw error
          schema = undefined
          return await answer(wanted, caller)
        }
      } catch (error) {
        const refusal = fromDatabase(error, authenticated)
        if (refusal.status >= 500) log(`rest: ${refusal.body.code} ${(error as Error).message}`)
        return refusal.toResponse()
      }
    },
    [Symbol.asyncDispose]: () => pool.end(),
  }

  async function answer(request: RestRequest, caller: Caller): Promise<Response> {
    const preferences = readPreferences(request.headers)
    const plan = planRequest(request, preferences, schemaName, await current(), maximumRows)
    const single = isSingle(request.headers)
    const outcome = await runPlan(plan, settings(request, caller), pool, (result) =>
      check(result, plan, single, preferences),
    )
    return respond(request, plan, preferences, outcome, single)
  }

  function current(): Promise<Schema> {
    schema ??= readSchema(pool, schemaName).catch((error: unknown) => {
      schema = undefined
      throw error
    })
    return schema
  }
}

async function readRequest(request: Request, path: string): Promise<RestRequest> {
  const { method, headers } = request
  const wanted = headers.get('content-profile') ?? headers.get('accept-profile') ?? schemaName
  if (wanted !== schemaName) {
    throw new RestError(406, {
      code: 'PGRST106',
      message: `Invalid schema: ${wanted}`,
      hint: `Only the following schemas are exposed: ${schemaName}`,
    })
  }
  const accept = headers.get('accept') ?? '*/*'
  if (!/\*\/\*|application\/(\*|json|vnd\.pgrst\.(object|array)(\+json)?)/.test(accept)) {
    throw new RestError(406, { code: 'PGRST107', message: `None of these media types are available: ${accept}` })
  }
  const type = headers.get('content-type')
  const body = await request.text()
  if (body !== '' && type !== null && !/^application\/(json|vnd\.pgrst\.)|^text\/plain/.test(type)) {
    throw new RestError(415, { code: 'PGRST102', message: `Content-Type not acceptable: ${type}` })
  }
  return { method, path, query: [...new URL(request.url).searchParams], headers, body }
}

function settings({ method, path, headers }: RestRequest, { role, claims }: Caller): Record<string, string> {
  return {
    search_path: 'public, extensions',
    role,
    'request.jwt.claims': JSON.stringify(claims),
    'request.method': method,
    'request.path': `/${path}`,
    'request.headers': JSON.stringify(Object.fromEntries(headers)),
    ...(statementTimeouts[role] === undefined ? {} : { statement_timeout: statementTimeouts[role] }),
  }
}

function isSingle(headers: Headers): boolean {
  return headers.get('accept')?.includes('application/vnd.pgrst.object') ?? false
}

function check({ rows }: Outcome, plan: Plan, single: boolean, { maximumAffected }: Preferences): void {
  if (single && plan.shape === 'rows' && rows !== 1) {
    throw new RestError(406, {
      code: 'PGRST116',
      details: `The result contains ${rows} rows`,
      message: 'Cannot coerce the result to a single JSON object',
    })
  }
  if (maximumAffected !== undefined && plan.written !== undefined && rows > maximumAffected) {
    throw new RestError(400, {
      code: 'PGRST124',
      details: `The query affects ${rows} rows`,
      message: 'Query result exceeds max-affected preference constraint',
    })
  }
}

function respond(
  { method, headers: asked }: RestRequest,
  plan: Plan,
  preferences: Preferences,
  outcome: Outcome,
  single: boolean,
): Response {
  const { rows } = outcome
  const total = outcome.total ?? (preferences.count && plan.written !== undefined ? rows : undefined)
  const headers = new Headers()
  if (preferences.applied.length > 0) headers.set('preference-applied', preferences.applied.join(', '))
  if (plan.shape === 'rows' || plan.written !== undefined) {
    const range =
      rows === 0 || (plan.written !== undefined && plan.shape === 'none')
        ? '*'
        : `${plan.offset}-${plan.offset + rows - 1}`
    headers.set('content-range', `${range}/${total ?? '*'}`)
  }
  if (plan.shape === 'rows' && total !== undefined && plan.offset > 0 && plan.offset >= total) {
    return new RestError(
      416,
      {
        code: 'PGRST103',
        message: 'Requested range not satisfiable',
        details: `An offset of ${plan.offset} was requested, but there are only ${total} rows.`,
      },
      { 'content-range': `*/${total}` },
    ).toResponse()
  }
  if (outcome.body === null) return new Response(null, { status: plan.status, headers })
  const partial = plan.written === undefined && plan.shape === 'rows' && total !== undefined && rows < total
  const one = single && plan.shape === 'rows'
  const stripped = asked.get('accept')?.includes('nulls=stripped') ?? false
  headers.set('content-type', `application/${single ? 'vnd.pgrst.object+json' : 'json'}; charset=utf-8`)
  const text = one ? outcome.body.slice(1, -1) : outcome.body // the list of one row, without its brackets
  const body = stripped ? JSON.stringify(JSON.parse(text), withoutNulls) : text
  return new Response(method === 'HEAD' ? null : body, { status: partial ? 206 : plan.status, headers })
}

function withoutNulls(_key: string, value: unknown): unknown {
  return value === null ? undefined : value
}
