import { expect, test, vi } from 'vitest'
import { ana, bea, startGateway } from './start-gateway.ts'

vi.setConfig({ testTimeout: 180_000 })

test('an endpoint that answers with an HTTP status is not waited for for ever: the session goes on trying and comes back', async () => {
  await using gateway = await startGateway({ timing: { openTimeoutMs: 3_000 } })
  const member = await gateway.createMember()
  const linked = await gateway.linkPhone(member, { ...ana, contacts: [bea] })
  const status = (wanted: string) =>
    gateway.database.until(
      'select status from public.whatsapp_sessions where id = $1',
      [linked.sessionId],
      ([row]) => row?.['status'] === wanted,
    )
  await status('connected')
  await gateway.control.post('/faults', { fault: 'refuse_upgrades', status: 502, times: 1 })
  await gateway.control.post(`/phones/${ana.number}/drop`, { how: 'dirty' })
  await status('reconnecting')
  await status('connected')
  await gateway.control.post(`/phones/${bea.number}/say`, { to: ana.number, text: 'otra vez aquí' })
  const rows = await gateway.database.until(
    'select 1 from public.messages_new where text_content = $1',
    ['otra vez aquí'],
    (found) => found.length > 0,
  )
  expect(rows).toHaveLength(1)
})
