import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { buildPages } from '../../dev/build-console.ts'
import { launchBrowser, type TestBrowser } from '../../tests/browser.ts'
import { ana, bea, startGateway, type Gateway } from '../../tests/start-gateway.ts'

// Long, because it is only how long a failing test waits on a busy machine.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 180_000 })

let gateway: Gateway
let chromium: TestBrowser
let page: Page
const asked = new Set<string>()
const broken: string[] = []

beforeAll(async () => {
  await buildPages()
  ;[gateway, chromium] = await Promise.all([startGateway(), launchBrowser()])
  const member = await gateway.createMember('example')
  await gateway.linkPhone(member, {
    ...ana,
    contacts: [bea],
    history: [{ with: bea.number, unread: 0, messages: [{ from_me: false, text: 'De antes', at: 1_700_000_000 }] }],
  })
  page = await chromium.browser.newPage()
  page.setDefaultTimeout(60_000)
  page.on('request', (request) => asked.add(new URL(request.url()).host))
  page.on('pageerror', (error) => broken.push(String(error)))
  page.on('console', (line) => line.text().includes('Content Security Policy') && broken.push(line.text()))
})
afterAll(async () => {
  await chromium?.[Symbol.asyncDispose]()
  await gateway?.[Symbol.asyncDispose]()
})

const messages = () => page.getByRole('list', { name: 'Mensajes' })

it('is a page of under 60 lines with nothing but supabase-js', () => {
  const source = readFileSync(join(import.meta.dirname, 'live-chat.html'), 'utf8')
  expect(source.trimEnd().split('\n').length).toBeLessThan(60)
  expect([...source.matchAll(/import .* from '(.*)'/g)].map(([, name]) => name)).toEqual(['@supabase/supabase-js'])
  expect(source).not.toMatch(/innerHTML|insertAdjacentHTML|document\.write/)
})

it('says why a sign-in was refused, and lists the conversations after one', async () => {
  await page.goto(`${gateway.url}/examples/live-chat.html`)
  await page.getByLabel('Correo').fill('example@example.com')
  await page.getByLabel('Contraseña').fill('not-the-password')
  await page.getByRole('button', { name: 'Entrar' }).click()
  await page.getByRole('status').getByText('Invalid login credentials').waitFor()
  await page.getByLabel('Contraseña').fill('secret-password')
  await page.getByRole('button', { name: 'Entrar' }).click()
  await page.getByRole('status').getByText('SUBSCRIBED').waitFor()
  await page.getByRole('button', { name: bea.name }).click()
  await messages().getByText('← De antes').waitFor()
  expect(await messages().getByRole('listitem').count()).toBe(1)
})

it('shows what a contact writes at once, as text whatever it contains', async () => {
  const hostile = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>'
  await gateway.control.post(`/phones/${bea.number}/say`, { to: ana.number, text: hostile })
  await messages().getByText(hostile).waitFor()
  expect(await messages().locator('img, script').count()).toBe(0)
  expect(await page.evaluate(() => 'hacked' in window)).toBe(false)
})

it('sends, and shows how far the message has got', async () => {
  await page.getByRole('textbox', { name: 'Mensaje' }).fill('Hola desde la página')
  await page.getByRole('button', { name: 'Enviar' }).click()
  await gateway.shown(bea.number, ana.number, ({ text }) => text === 'Hola desde la página')
  await messages()
    .getByText(/→ Hola desde la página \((delivered|read)\)/)
    .waitFor()
  expect(await page.getByRole('textbox', { name: 'Mensaje' }).inputValue()).toBe('')
})

it('joins again after its connection was lost, and shows what was missed', async () => {
  const another = page.waitForEvent('websocket')
  await gateway.database.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
     where datname = current_database() and application_name = 'realtime'`,
  )
  await gateway.control.post(`/phones/${bea.number}/say`, { to: ana.number, text: 'Mientras no estabas' })
  await another
  await page.getByRole('status').getByText('SUBSCRIBED').waitFor()
  await messages().getByText('← Mientras no estabas').waitFor()
  expect(await messages().getByRole('listitem').count()).toBe(4)
})

it('talks to its own origin and Supabase only, and breaks nothing', () => {
  expect([...asked].toSorted()).toEqual([new URL(gateway.url).host, new URL(gateway.stack.url).host].toSorted())
  expect(broken).toEqual([])
})
