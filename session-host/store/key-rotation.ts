import { setTimeout as pause } from 'node:timers/promises'
import type { Database } from './database.ts'
import { credentialsContext } from './credentials.ts'
import { isSealed } from './message-protos.ts'
import type { AuthStateKey, SealedBox } from './sealed-box.ts'

/** A table of sealed values: its columns, and what each is bound to. */
interface SealedTable {
  table: string
  column: string
  /** The columns that name a row, in the order of `context`'s arguments; all text or uuid. */
  names: string[]
  context: (...names: string[]) => string
  /** SQL over the row `t`: what it is bound to, where its names do not say; the last argument of `context`. */
  bound?: string
  /** Values that were stored before they were sealed are not, and are sealed like those of an older key. */
  mayBeOpen?: true
}

const tables: SealedTable[] = [
  { table: 'whatsapp_credentials', column: 'ciphertext', names: ['session_id'], context: credentialsContext },
  {
    table: 'whatsapp_keys',
    column: 'ciphertext',
    names: ['session_id', 'type', 'id'],
    context: (session, type, id) => `${session}/${type}/${id}`,
  },
  { table: 'inbox', column: 'ciphertext', names: ['session_id', 'id'], context: inboxContext },
  { table: 'quarantined_messages', column: 'ciphertext', names: ['session_id', 'id'], context: inboxContext },
  {
    table: 'history_chunks',
    column: 'notice',
    names: ['session_id', 'stanza_key'],
    context: (session, stanzaKey) => `${session}/history/${stanzaKey}`,
  },
  {
    table: 'message_protos',
    column: 'proto',
    names: ['message_id', 'user_id'],
    bound: `coalesce(t.sealed_as, (
      select m.session_id::text || '/message/' || m.wa_id from public.messages_new m where m.id = t.message_id))`,
    context: (_message, _user, name = '') => name,
    mayBeOpen: true,
  },
]
const uuids = new Set(['session_id', 'message_id', 'user_id'])

function inboxContext(session = '', id = ''): string {
  return `${session}/inbox/${id}`
}

/** A key that stored values were written with is not in AUTH_STATE_KEY. */
export class MissingKeys extends Error {
  override readonly name = 'MissingKeys'
  readonly ids: string[]
  constructor(ids: string[]) {
    super(
      `AUTH_STATE_KEY lacks ${ids.map((id) => `"${id}"`).join(', ')}, which stored credentials were written with. ` +
        'Put the key back (behind the first one, if that is new), or the numbers that it was for must be linked anew.',
    )
    this.ids = ids
  }
}

/** Fails with MissingKeys when something is stored that none of these keys opens. Reads every sealed value's header. */
export async function assertKeysSuffice(database: Database, keys: Pick<AuthStateKey, 'id'>[]): Promise<void> {
  const ids = await keysInUse(database)
  for (const { id } of keys) ids.delete(id)
  if (ids.size > 0) throw new MissingKeys([...ids])
}

/** The ids of the keys that sealed what is stored now. */
async function keysInUse(database: Database): Promise<Set<string>> {
  const ids = new Set<string>()
  for (const { table, column, mayBeOpen } of tables) {
    const rows = await database.query<{ key_id: string | null }>(
      // private.sealed_with, written out: called for each of a million keys, the function itself would be most of a start.
      `select distinct case when length(${column}) > 2 then encode(substr(${column}, 3, get_byte(${column}, 1)), 'escape') end as key_id
         from private.${table} where ${column} is not null${mayBeOpen ? ` and get_byte(${column}, 0) = 1` : ''}`,
    )
    for (const row of rows) ids.add(row.key_id ?? '')
  }
  return ids
}

/** Whether something that is to be sealed is not: it was kept before that. */
export async function hasOpenValues(database: Database): Promise<boolean> {
  const rows = await database.query('select 1 from private.message_protos where get_byte(proto, 0) <> 1 limit 1')
  return rows.length > 0
}

export interface RotationOptions {
  database: Database
  box: SealedBox
  /** The key that seals now. */
  key: Pick<AuthStateKey, 'id'>
  logger: { info(facts: object, message: string): void; warn(facts: object, message: string): void }
  signal: AbortSignal
  /** Values a statement, and a rest between statements in ms: the work goes on beside live traffic. */
  batch?: number
  restMs?: number
}

/**
 * Seals everything anew that an older key has sealed, a few values at a time, beside live traffic and on any number of hosts: a value is
 * only replaced while it is what was read, so that whatever its session writes meanwhile stays. Answers how many were sealed anew.
 */
export async function resealOldValues(options: RotationOptions): Promise<number> {
  const { database, key, logger, signal } = options
  let resealed = 0
  for (const table of tables) {
    let after: string[] | undefined
    while (!signal.aborted) {
      const round = await resealSome(options, table, after)
      if (round === null) break
      after = round.last
      resealed += round.count
      if (round.count > 0)
        logger.info({ table: table.table, resealed }, 'credentials are being sealed with the new key')
      await pause(options.restMs ?? 20, undefined, { signal }).catch(() => undefined)
    }
  }
  // Asked of the tables: a value that its session wrote meanwhile is sealed with the first key too, one that could not be opened is not.
  if (resealed > 0 && !signal.aborted && [...(await keysInUse(database))].every((id) => id === key.id))
    logger.info({ resealed, key: key.id }, 'everything is sealed with the first key; older ones may be removed')
  return resealed
}

/** One batch in the order of the rows' names; null when there is none left. */
async function resealSome(
  { database, box, key, logger, batch = 200 }: RotationOptions,
  { table, column, names, context, bound, mayBeOpen }: SealedTable,
  after: string[] | undefined,
): Promise<{ count: number; last: string[] } | null> {
  const types = names.map((name) => (uuids.has(name) ? 'uuid' : 'text'))
  const list = names.join(', ')
  const place = (row: string): string => types.map((type, at) => `(${row}.names[${at + 1}])::${type}`).join(', ')
  const rows = await database.query<{ names: string[]; bound: string | null; sealed: Buffer }>(
    `select array[${names.map((name) => `${name}::text`).join(', ')}] as names, ${bound ?? 'null'} as bound, ${column} as sealed
       from private.${table} t
       where ${column} is not null and private.sealed_with(${column}) is distinct from $1
         and ($3::text[] is null or (${list}) > (select ${place('a')} from (select $3::text[] as names) a))
       order by ${list} limit $2`,
    [key.id, batch, after ?? null],
  )
  const last = rows.at(-1)?.names
  if (!last) return null
  const fresh = rows.flatMap((row) => {
    try {
      const name = context(...row.names, ...(row.bound === null ? [] : [row.bound]))
      const plain = mayBeOpen && !isSealed(row.sealed) ? row.sealed : box.open(name, row.sealed)
      return [{ ...row, anew: box.seal(name, plain) }]
    } catch {
      // Damaged, or of a key that another host has: its own session says so when it needs it.
      logger.warn({ table }, 'a sealed value could not be opened and was left as it is')
      return []
    }
  })
  // It never waits for a row that a session is writing: that one is sealed with the new key by its session, or in the next round.
  const updated = await database.query(
    `with given as materialized (
         select array(select jsonb_array_elements_text(g.names)) as names, g.sealed, g.anew
           from unnest($1::jsonb[], $2::bytea[], $3::bytea[]) as g(names, sealed, anew)),
       locked as materialized (
         select g.names, g.anew from given g join private.${table} t on (${names.map((name) => `t.${name}`).join(', ')}) = (${place('g')})
           where t.${column} = g.sealed for no key update of t skip locked)
     update private.${table} t set ${column} = l.anew from locked l
       where (${names.map((name) => `t.${name}`).join(', ')}) = (${place('l')}) returning 1`,
    [fresh.map((row) => JSON.stringify(row.names)), fresh.map((row) => row.sealed), fresh.map((row) => row.anew)],
  )
  return { count: updated.length, last }
}
