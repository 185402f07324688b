import { readdirSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import process from 'node:process'
import pg from 'pg'
import { ConfigError, isExampleSecret, readConfig, type Config } from '../config.ts'
import { credentialsContext } from '../store/credentials.ts'
import { createDatabase, type Database } from '../store/database.ts'
import { assertKeysSuffice, MissingKeys } from '../store/key-rotation.ts'
import { createSealedBox } from '../store/sealed-box.ts'

/** One thing that was looked at. `remedy` says what to do when it is not `ok`. */
export interface Finding {
  name: string
  /** `warning`: it starts, but lacks something. `skipped`: it could not be looked at because of an earlier failure. */
  state: 'ok' | 'warning' | 'failed' | 'skipped'
  message: string
  remedy?: string
}

export interface Examination {
  findings: Finding[]
  /** 0: it would start; 78 (EX_CONFIG): a setting is wrong; 1: something that it needs is not there. */
  exitCode: 0 | 1 | 78
}

const patienceMs = 8_000
/** Stored credentials that the keys are tried on. */
const sampled = 20

/** Looks at everything that the session-host needs before it starts, and changes nothing. */
export async function examineEnvironment(environment: Record<string, string | undefined>): Promise<Examination> {
  const findings: Finding[] = [examineNode(process.versions.node)]
  const config = examineSettings(environment, findings)
  if (!config) {
    for (const name of ['database', 'migrations', 'auth_state_key', 'gateway', 'tokens', 'port'])
      findings.push({ name, state: 'skipped', message: 'The settings have to be right first.' })
    return conclude(findings, ['settings'])
  }
  findings.push(...(await examineDatabase(config)))
  findings.push(await examineGateway(config))
  findings.push(await examineTokens(config))
  findings.push(await examinePort(config.port))
  return conclude(findings, ['settings', 'auth_state_key'])
}

function conclude(findings: Finding[], settings: string[]): Examination {
  const failed = findings.filter(({ state }) => state === 'failed').map(({ name }) => name)
  if (failed.length === 0) return { findings, exitCode: 0 }
  return { findings, exitCode: failed.some((name) => settings.includes(name)) ? 78 : 1 }
}

function examineNode(version: string): Finding {
  if (Number(version.split('.')[0]) >= 24) return ok('node', `Node.js ${version}`)
  return failed(
    'node',
    `Node.js ${version} is too old.`,
    'Install Node.js 24 or newer; on Linux "npm ci" brings it along.',
  )
}

function examineSettings(environment: Record<string, string | undefined>, findings: Finding[]): Config | null {
  try {
    const config = readConfig(environment)
    findings.push(
      ok(
        'settings',
        config.production ? 'valid for production' : 'valid (not for production: NODE_ENV is not set to it)',
      ),
    )
    for (const name of ['JWT_SECRET', 'SUPABASE_SERVICE_ROLE_KEY', 'SUPABASE_PUBLISHABLE_KEY'])
      if (isExampleSecret(environment[name] ?? ''))
        findings.push({
          name: 'settings',
          state: 'warning',
          message: `${name} is an example out of a guide: anybody knows it.`,
          remedy: `Copy ${name} from the project settings.`,
        })
    if (config.serviceKey === null)
      findings.push({
        name: 'settings',
        state: 'warning',
        message: 'SUPABASE_SERVICE_ROLE_KEY is not set: no file is kept, sent or erased.',
        remedy: 'Copy the secret key (sb_secret_…) from the project settings, API keys.',
      })
    return config
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    for (const problem of error.problems) findings.push(failed('settings', problem, remedyOf(problem)))
    return null
  }
}

/** The variable that a problem begins with is what to change. */
function remedyOf(problem: string): string {
  return `Set ${problem.split(' ')[0]} as the table of settings in README.md says.`
}

async function examineDatabase(config: Config): Promise<Finding[]> {
  const rest = (...names: string[]): Finding[] =>
    names.map((name) => ({ name, state: 'skipped', message: 'What stands above has to be right first.' }))
  const client = new pg.Client({ connectionString: config.databaseUrl, connectionTimeoutMillis: patienceMs })
  client.on('error', () => undefined)
  try {
    await client.connect()
  } catch (error) {
    await client.end().catch(() => undefined)
    return [failed('database', ...unreachable(error)), ...rest('role', 'migrations', 'auth_state_key')]
  }
  const { rows } = await client.query<{ server_version: string }>('show server_version')
  await client.end()
  const reached = ok('database', `Postgres ${rows[0]?.server_version} answers`)
  await using database = createDatabase({ url: config.databaseUrl, maxConnections: 1, onError: () => undefined })
  const role = await examineRole(database)
  if (role.state !== 'ok') return [reached, role, ...rest('migrations', 'auth_state_key')]
  const migrations = await examineMigrations(database)
  if (migrations.state !== 'ok') return [reached, role, migrations, ...rest('auth_state_key')]
  return [reached, role, migrations, await examineKeys(database, config)]
}

/** What a failed login means, and what to do. */
function unreachable(error: unknown): [message: string, remedy: string] {
  const code = (error as { code?: string }).code ?? ''
  if (code === '28P01' || code === '28000')
    return [
      'The database refuses this user and password.',
      'Copy DATABASE_URL anew, with the password of the database in it.',
    ]
  if (code === '3D000')
    return [
      'The server has no database of that name.',
      'Correct the name at the end of DATABASE_URL; Supabase calls it postgres.',
    ]
  return [
    `The database cannot be reached (${code || 'no answer in time'}).`,
    'Check host and port of DATABASE_URL, that the project is not paused, and that its network restrictions let this machine in.',
  ]
}

async function examineRole(database: Database): Promise<Finding> {
  try {
    await database.query('select 1')
    return ok('role', 'works as session_host')
  } catch (error) {
    const code = (error as { code?: string }).code
    if (code === '22023' || code === '42704')
      return failed('role', 'The role session_host does not exist.', 'Apply the migrations: npx supabase db push')
    return failed(
      'role',
      'The user of DATABASE_URL may not work as session_host.',
      'Log in as postgres, or grant it: grant session_host to your_user',
    )
  }
}

async function examineMigrations(database: Database): Promise<Finding> {
  const versions = readdirSync(join(import.meta.dirname, '..', '..', 'supabase', 'migrations'))
    .filter((name) => name.endsWith('.sql'))
    .map((name) => name.split('_')[0] ?? '')
  // A database so old that it lacks the function lacks migrations.
  const applied = new Set(
    await database.query<{ version: string }>('select private.applied_migrations() as version').then(
      (rows) => rows.map(({ version }) => version),
      () => [],
    ),
  )
  const missing = versions.filter((version) => !applied.has(version)).toSorted()
  if (missing.length === 0) return ok('migrations', `all ${versions.length} are applied`)
  const remedy = 'Apply them: npx supabase db push'
  if (applied.size === 0) return failed('migrations', 'The migrations are not applied, or not all.', remedy)
  return failed(
    'migrations',
    `${missing.length} of ${versions.length} migrations are not applied, the first is ${missing[0]}.`,
    remedy,
  )
}

async function examineKeys(database: Database, config: Config): Promise<Finding> {
  const name = 'auth_state_key'
  if (!config.authStateKeys)
    return ok(name, 'not set: a key is made at the first start and kept in .data (development only)')
  try {
    await assertKeysSuffice(database, config.authStateKeys)
  } catch (error) {
    if (error instanceof MissingKeys)
      return failed(name, error.message, 'Put the missing key back behind the first one.')
    return failed(name, 'Stored credentials could not be read.', 'Apply the migrations: npx supabase db push')
  }
  const box = createSealedBox(config.authStateKeys)
  const rows = await database.query<{ session_id: string; ciphertext: Buffer }>(
    'select session_id, ciphertext from private.whatsapp_credentials limit $1',
    [sampled],
  )
  for (const row of rows)
    try {
      box.open(credentialsContext(row.session_id), row.ciphertext)
    } catch {
      return failed(
        name,
        'AUTH_STATE_KEY has a key of the right name that does not open the stored credentials: it is another key.',
        'Put the key back that the numbers were linked with, or they must be linked anew.',
      )
    }
  return ok(name, rows.length === 0 ? 'nothing is stored yet' : 'opens what is stored')
}

async function examineGateway({ supabaseUrl, publishableKey }: Config): Promise<Finding> {
  const answer = await ask(`${supabaseUrl}/rest/v1/rpc/link_state`, { apikey: publishableKey })
  if (!answer)
    return failed(
      'gateway',
      'SUPABASE_URL cannot be reached.',
      'Copy the project URL from the project settings; a Postgres alone is not enough, its API gateway is needed.',
    )
  const body = await answer.text()
  if (answer.status === 404 && !body.includes('PGRST'))
    return failed(
      'gateway',
      'Something answers at SUPABASE_URL, but no Supabase gateway.',
      'Set it to the origin, without a path.',
    )
  // Without a user PostgREST refuses the function itself, with a code of its own or Postgres': that is the gateway at work.
  if (answer.status >= 500)
    return failed('gateway', `The gateway answers ${answer.status}.`, 'Look at the project’s status page.')
  if (answer.status === 401 && !/PGRST|42501|P0001|PT4/.test(body))
    return failed(
      'gateway',
      'The gateway does not know SUPABASE_PUBLISHABLE_KEY.',
      'Copy the publishable (or anon) key of this project from the project settings, API keys.',
    )
  return ok('gateway', 'answers and knows the key')
}

async function examineTokens({ tokens }: Config): Promise<Finding> {
  if ('secret' in tokens) return ok('tokens', 'verified with JWT_SECRET')
  const answer = await ask(tokens.jwksUrl, {})
  const keys = await answer?.json().then(
    (body: unknown) => (body as { keys?: unknown[] }).keys,
    () => undefined,
  )
  if (!answer?.ok || !Array.isArray(keys))
    return failed(
      'tokens',
      'No signing keys (JWKS) at SUPABASE_JWKS_URL.',
      'Leave SUPABASE_JWKS_URL unset for the project’s own, or set JWT_SECRET for a project with legacy tokens.',
    )
  if (keys.length === 0)
    return failed(
      'tokens',
      'The project has no asymmetric signing keys.',
      'Set JWT_SECRET to its legacy secret, or migrate to signing keys: project settings, JWT keys.',
    )
  return ok('tokens', `${keys.length} signing ${keys.length === 1 ? 'key' : 'keys'}`)
}

async function ask(url: string, headers: Record<string, string>): Promise<Response | null> {
  return fetch(url, { headers, signal: AbortSignal.timeout(patienceMs) }).catch(() => null)
}

async function examinePort(port: number): Promise<Finding> {
  const server = createServer()
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, resolve)
    })
    return ok('port', port === 0 ? 'any free one' : `${port} is free`)
  } catch (error) {
    const code = (error as { code?: string }).code
    if (code === 'EADDRINUSE')
      return failed('port', `Something listens on port ${port} already.`, 'Stop it, or set PORT to another one.')
    return failed('port', `Port ${port} cannot be used (${code}).`, 'Set PORT to one above 1023.')
  } finally {
    server.close()
  }
}

function ok(name: string, message: string): Finding {
  return { name, state: 'ok', message }
}

function failed(name: string, message: string, remedy: string): Finding {
  return { name, state: 'failed', message, remedy }
}
