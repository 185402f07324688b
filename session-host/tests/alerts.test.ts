import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { ana, bea, jidOf, startGateway } from './start-gateway.ts'

// Long, because it is only how long a failing test waits on a busy machine.
vi.setConfig({ testTimeout: 180_000 })

const rules = readFileSync(join(import.meta.dirname, '..', 'deploy', 'alerts.yml'), 'utf8')

test('every metric and label that the shipped alerts name exists, and a send and a message are measured', async () => {
  const token = 'a-token-for-metrics'
  await using gateway = await startGateway({ environment: { METRICS_TOKEN: token } })
  const member = await gateway.createMember()
  await gateway.linkPhone(member, { ...ana, contacts: [bea] })
  await gateway.rest(member, 'POST', 'start_conversation', { phone: `+${bea.number}` })
  await gateway.rest(member, 'POST', 'send_message', { conversationId: jidOf(bea), textContent: 'hola' })
  await gateway.control.post(`/phones/${bea.number}/say`, { to: ana.number, text: 'buenas' })
  await gateway.database.until(
    `select status from public.messages_new where text_content in ('hola', 'buenas')`,
    [],
    (rows) => rows.length === 2 && rows.every((row) => row['status'] !== 'pending'),
  )
  const scraped = await fetch(`${gateway.url}/metrics`, { headers: { authorization: `Bearer ${token}` } }).then(
    (answer) => answer.text(),
  )

  const expressions = [...rules.matchAll(/^ +expr: (.*)$/gm)].map(([, expression]) => expression ?? '')
  expect(expressions.length).toBeGreaterThan(8)
  for (const expression of expressions)
    for (const [name, base = ''] of expression.matchAll(
      /\b((?:wagateway|process)_[a-z_]+?)(?:_bucket|_count|_sum)?\b/g,
    ))
      expect(scraped, `${name} of ${expression}`).toMatch(new RegExp(`^# TYPE ${base} `, 'm'))
  // A label's value that no metric ever has would never fire.
  expect(scraped).toMatch(/^wagateway_sessions\{state="reconnecting"\}/m)
  expect(scraped).toMatch(/^wagateway_event_loop_delay_seconds\{quantile="p99"\}/m)
  expect(scraped).toMatch(/^wagateway_send_duration_seconds_count\{outcome="sent"\} [1-9]/m)
  expect(scraped).toMatch(/^wagateway_ack_duration_seconds_count [1-9]/m)
  expect(scraped).toMatch(/^wagateway_event_lag_seconds_count [1-9]/m)

  // What the guide wants to be told of.
  for (const alert of ['SessionsFailToReconnect', 'DatabaseErrors', 'HighResponseTime', 'ExcessiveMemory'])
    expect(rules).toContain(`alert: Wagateway${alert}`)
})
