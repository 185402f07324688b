import { expect, test, vi } from 'vitest'
import { ana, bea, jidOf, lidOf, startGateway } from './start-gateway.ts'

vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 })

test('logs of level debug hold no text, number, JID, token, QR or key, whatever happens', async () => {
  await using gateway = await startGateway({ timing: { ackTimeoutMs: 1_000 } })
  const member = await gateway.createMember()
  const text = 'Un texto que nadie debe ver'
  const { sessionId } = await gateway.linkPhone(member, { ...ana, contacts: [bea] })
  const [attempt] = await gateway.database.query('select 1 from private.linking_attempts')
  expect(attempt).toBeUndefined()
  const client = await gateway.join(member)
  await gateway.control.post(`/phones/${bea.number}/say`, { to: ana.number, text })
  await client.next('event', (event: { type: string }) => event.type === 'message.created')
  await client.ask('send-message', { conversationId: jidOf(bea), textContent: text, attachments: [] })
  await client.next('message-sent')
  // Trouble is when logs talk: undecryptable messages, refusals, lost links, bad requests.
  await gateway.control.post('/faults', { fault: 'corrupt_messages', number: ana.number })
  await gateway.control.post(`/phones/${bea.number}/say`, { to: ana.number, text: `${text} 2` })
  await gateway.database.until(
    'select 1 from public.messages_new where text_content = $1',
    [`${text} 2`],
    (rows) => rows.length === 1,
  )
  await gateway.control.post('/faults', { fault: 'refuse_messages', number: ana.number, error: 479 })
  await client.ask('send-message', { conversationId: jidOf(bea), textContent: text, attachments: [] })
  await client.next('event', (event: { data: { status?: string } }) => event.data.status === 'failed')
  await client.ask('send-message', { conversationId: lidOf(bea), textContent: '' })
  await client.ask('join', { token: await member.mint({ algorithm: 'foreign' }) })
  await gateway.rest(member, 'POST', 'start_conversation', { phone: '+34600999888' })
  await gateway.control.post(`/phones/${ana.number}/drop`, { how: 'dirty' })
  await gateway.database.until(
    `select 1 from public.session_events where session_id = $1 and data ->> 'status' = 'connected'`,
    [sessionId],
    (rows) => rows.length === 2,
  )
  await gateway.rest(member, 'POST', 'logout')
  await gateway.stopHost()

  const logs = gateway.logs.join('\n')
  expect(gateway.logs.length).toBeGreaterThan(5)
  expect(logs).toContain(sessionId)
  for (const secret of [
    text,
    ana.number,
    bea.number,
    '34600999888',
    ana.lid,
    bea.lid,
    bea.name,
    member.token,
    member.token.split('.')[2] ?? '',
    'data:image/png',
    'linked_devices',
    's.whatsapp.net',
    '@lid',
    gateway.environment['AUTH_STATE_KEY'] ?? '',
  ])
    expect(logs.includes(secret), secret).toBe(false)
  // Keys and sessions come as long base64 or hexadecimal runs, or as bytes.
  expect(logs).not.toMatch(/[A-Za-z0-9+/]{43}=|[0-9a-f]{64}|Buffer|privKey|"private"/)
})
