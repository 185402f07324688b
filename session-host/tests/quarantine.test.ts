import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { ana, bea, startGateway, type Gateway, type LinkedPhone, type Member } from './start-gateway.ts'

vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 })

let gateway: Gateway
let member: Member
let linked: LinkedPhone

const token = 'a-token-for-the-scraper'

beforeAll(async () => {
  gateway = await startGateway({ environment: { METRICS_TOKEN: token } })
  member = await gateway.createMember()
  linked = await gateway.linkPhone(member, { ...ana, contacts: [bea] })
})
afterAll(() => gateway[Symbol.asyncDispose]())

interface Kept {
  stage: string
  error: string
  attempts: number
}

function kept(fits: (rows: Kept[]) => boolean): Promise<Kept[]> {
  return gateway.database.until<Kept>(
    'select stage, error, attempts from private.quarantined_messages order by received_at',
    [],
    fits,
  )
}

async function say(text: string): Promise<void> {
  await gateway.control.post(`/phones/${bea.number}/say`, { to: ana.number, text })
}

async function stored(text: string): Promise<void> {
  await gateway.database.until(
    'select 1 from public.messages_new where text_content = $1',
    [text],
    (rows) => rows.length === 1,
  )
}

async function refuse(on: boolean): Promise<void> {
  await gateway.database.query(
    on
      ? `create function private.refuse_for_test() returns trigger language plpgsql as
           $$ begin if new.text_content like '%veneno%' then raise exception using errcode = '22023'; end if; return new; end $$;
         create trigger refuse_for_test before insert or update on public.messages_new
           for each row execute function private.refuse_for_test()`
      : `drop trigger refuse_for_test on public.messages_new; drop function private.refuse_for_test()`,
  )
}

test('a message that the database refuses is kept aside with its error, sealed; the ones after it are stored', async () => {
  await refuse(true)
  await say('antes')
  await say('con veneno')
  await say('después')
  await stored('antes')
  await stored('después')
  expect(await kept((rows) => rows.length === 1)).toEqual([{ stage: 'store', error: '22023', attempts: 1 }])
  const [row] = await gateway.database.query<{ ciphertext: Buffer }>(
    'select ciphertext from private.quarantined_messages',
  )
  expect(row?.ciphertext.includes('veneno')).toBe(false)
  expect(await gateway.database.query('select 1 from private.inbox where ciphertext is not null')).toEqual([])
  const [session] = await gateway.database.query('select status from public.whatsapp_sessions')
  expect(session).toEqual({ status: 'connected' })
  expect(
    await gateway.database.query('select messages::int, error from dashboard.quarantine where session_id = $1', [
      linked.sessionId,
    ]),
  ).toEqual([{ messages: 1, error: '22023' }])
})

test('a start tries it again and counts; once the database takes it, it is a message like any other', async () => {
  await gateway.restartHost()
  expect(await kept(([row]) => row?.attempts === 2)).toHaveLength(1)
  await refuse(false)
  await gateway.restartHost()
  await stored('con veneno')
  await kept((rows) => rows.length === 0)
})

test('what was tried often enough is left alone', async () => {
  await refuse(true)
  await say('otro veneno')
  await kept((rows) => rows.length === 1)
  await gateway.database.query('update private.quarantined_messages set attempts = 10')
  await refuse(false)
  await gateway.restartHost()
  await say('sigue')
  await stored('sigue')
  expect(await kept((rows) => rows.length === 1)).toMatchObject([{ attempts: 10 }])
  await gateway.database.query('delete from private.quarantined_messages')
})

test('a message that is no protobuf is kept aside, and the session lives on', async () => {
  await gateway.control.post('/faults', { fault: 'malformed_messages', number: ana.number })
  await say('roto')
  expect(await kept((rows) => rows.length === 1)).toMatchObject([{ stage: 'read' }])
  await say('entero')
  await stored('entero')
})

test('metrics count it, with sessions and sends, for who has the token; nobody and nothing is named', async () => {
  const scrape = (bearer?: string) =>
    fetch(`${gateway.url}/metrics`, bearer ? { headers: { authorization: `Bearer ${bearer}` } } : {})
  expect((await scrape()).status).toBe(401)
  expect((await scrape('another-token-altogether')).status).toBe(401)
  const text = await (await scrape(token)).text()
  for (const line of [
    'wagateway_quarantined_messages 1',
    'wagateway_quarantined_total 1',
    'wagateway_sessions{state="connected"} 1',
    'wagateway_sessions_held 1',
    'wagateway_outbox_pending 0',
  ])
    expect(text).toContain(`${line}\n`)
  expect(text).toMatch(/wagateway_memory_per_session_bytes \d{6,}/)
  expect(text).toMatch(/wagateway_db_query_duration_seconds_count\{kind="transaction"\} \d+/)
  expect(text).toMatch(/wagateway_session_transitions_total\{to="connected",reason="none"\} 1/)
  for (const secret of [ana.number, bea.number, ana.lid, member.id, linked.sessionId])
    expect(text).not.toContain(secret)
})
