import { randomBytes } from 'node:crypto'
import { expect, test, vi } from 'vitest'
import { createDatabase } from '../store/database.ts'
import { createProtoBox } from '../store/message-protos.ts'
import { resealOldValues } from '../store/key-rotation.ts'
import { createSealedBox } from '../store/sealed-box.ts'
import { ana, bea, startGateway } from './start-gateway.ts'
import { startHostProcess } from './start-host-process.ts'

vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 })

test('a new key in front seals everything anew beside live traffic; then the old one may go, and not before', async () => {
  const [old, fresh] = [randomBytes(32), randomBytes(32)].map((key) => key.toString('base64'))
  await using gateway = await startGateway({ environment: { AUTH_STATE_KEY: `old:${old}` } })
  const member = await gateway.createMember()
  const { sessionId } = await gateway.linkPhone(member, { ...ana, contacts: [bea] })
  const keys = () =>
    gateway.database.query<{ key_id: string }>('select distinct key_id from dashboard.sealed_values order by key_id')
  const { id: pollId } = await gateway.control.post<{ id: string }>(`/phones/${bea.number}/poll`, {
    to: ana.number,
    name: '¿Cuándo?',
    options: ['hoy', 'mañana'],
    selectable: 1,
  })
  const [poll] = await gateway.database.until<{ id: string; proto: Buffer }>(
    'select m.id, p.proto from public.messages_new m join private.message_protos p on p.message_id = m.id where m.wa_id = $1',
    [pollId],
    (rows) => rows.length > 0,
  )
  expect(await keys()).toEqual([{ key_id: 'old' }])
  expect(poll?.proto.includes('mañana')).toBe(false)
  await gateway.stopHost()

  // What was kept before kept messages were sealed is sealed by the next host, also without a new key.
  const box = createProtoBox(createSealedBox([{ id: 'old', key: Buffer.from(old ?? '', 'base64') }]))
  const open = box.open({ proto: poll?.proto ?? null, sealedAs: `${sessionId}/message/${pollId}` })
  expect(open?.includes('mañana')).toBe(true)
  await gateway.database.query('update private.message_protos set proto = $2 where message_id = $1', [poll?.id, open])
  expect(await keys()).toEqual([{ key_id: 'old' }, { key_id: null }])
  await gateway.restartHost()
  await gateway.database.until('select key_id from dashboard.sealed_values', [], (rows) =>
    rows.every((row) => row['key_id'] === 'old'),
  )
  await gateway.stopHost()

  // The old key is still needed: a host without it ends and says which one is missing.
  const failure: unknown = await startHostProcess({
    ...gateway.environment,
    AUTH_STATE_KEY: `new:${fresh}`,
  }).catch((error: unknown) => error)
  expect(failure).toMatchObject({ exitCode: 78 })
  expect(String(failure)).toContain('AUTH_STATE_KEY lacks "old"')

  await gateway.restartHost({ environment: { AUTH_STATE_KEY: `new:${fresh},old:${old}` } })
  await gateway.control.post(`/phones/${bea.number}/say`, { to: ana.number, text: 'durante la rotación' })
  await gateway.database.until('select key_id from dashboard.sealed_values', [], (rows) =>
    rows.every((row) => row['key_id'] === 'new'),
  )
  // Said after one more look at the table, a moment after the last row.
  await expect
    .poll(() => gateway.logs.some((line) => line.includes('older ones may be removed')), { timeout: 60_000 })
    .toBe(true)

  await gateway.restartHost({ environment: { AUTH_STATE_KEY: `new:${fresh}` } })
  await gateway.control.post(`/phones/${bea.number}/say`, { to: ana.number, text: 'después de la rotación' })
  for (const text of ['durante la rotación', 'después de la rotación'])
    await gateway.database.until(
      'select 1 from public.messages_new where text_content = $1',
      [text],
      (rows) => rows.length === 1,
    )
  expect(await keys()).toEqual([{ key_id: 'new' }])
  // A vote is opened with the poll that was sealed twice meanwhile.
  await gateway.control.post(`/phones/${bea.number}/vote`, { to: ana.number, id: pollId, options: ['mañana'] })
  await gateway.database.until('select interactions from public.messages_new where id = $1', [poll?.id], ([row]) =>
    JSON.stringify(row).includes('"mañana"'),
  )
})

test('what a session writes while its value is sealed anew stays, and a damaged value stops nothing', async () => {
  const [old, fresh] = [randomBytes(32), randomBytes(32)]
  await using gateway = await startGateway({ environment: { AUTH_STATE_KEY: `old:${old.toString('base64')}` } })
  const { sessionId } = await gateway.linkPhone(await gateway.createMember(), { ...ana, contacts: [bea] })
  await gateway.stopHost()
  const before = createSealedBox([{ id: 'old', key: old }])
  const after = createSealedBox([
    { id: 'new', key: fresh },
    { id: 'old', key: old },
  ])
  const context = `${sessionId}/credentials`
  await gateway.database.query(
    `update private.whatsapp_keys set ciphertext = set_byte(ciphertext, length(ciphertext) - 1, 255 - get_byte(ciphertext, length(ciphertext) - 1))
       where (type, id) = (select type, id from private.whatsapp_keys limit 1)`,
  )
  await using database = createDatabase({
    url: gateway.environment['DATABASE_URL'] ?? '',
    maxConnections: 2,
    onError: () => {},
  })
  const logger = { info: () => {}, warn: () => {} }
  let written = false
  const racing = {
    ...before,
    seal: after.seal.bind(after),
    open(place: string, sealed: Buffer) {
      const plain = before.open(place, sealed)
      // The session writes between the reading of the old value and its replacement.
      if (place === context && !written) {
        written = true
        racer = gateway.database.query('update private.whatsapp_credentials set ciphertext = $1', [
          before.seal(context, Buffer.from('written meanwhile')),
        ])
      }
      return plain
    },
  }
  let racer: Promise<unknown> = Promise.resolve()
  const slow = {
    ...database,
    query: async <Row extends object>(text: string, values?: unknown[]) => {
      await racer
      return database.query<Row>(text, values)
    },
  }
  const { signal } = new AbortController()
  await resealOldValues({ database: slow, box: racing, key: { id: 'new' }, logger, signal, restMs: 1 })
  const [row] = await gateway.database.query<{ ciphertext: Buffer }>(
    'select ciphertext from private.whatsapp_credentials',
  )
  expect(row && before.open(context, row.ciphertext).toString()).toBe('written meanwhile')
  await resealOldValues({ database, box: after, key: { id: 'new' }, logger, signal, restMs: 1 })
  const left = await gateway.database.query<{ left: number }>(
    `select count(*)::int as left from private.whatsapp_keys where private.sealed_with(ciphertext) = 'old'`,
  )
  expect(left).toEqual([{ left: 1 }])
  const [now] = await gateway.database.query<{ ciphertext: Buffer }>(
    'select ciphertext from private.whatsapp_credentials',
  )
  expect(now && after.open(context, now.ciphertext).toString()).toBe('written meanwhile')
})
