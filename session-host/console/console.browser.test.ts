import { gzipSync } from 'node:zlib'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import AxeBuilder from '@axe-core/playwright'
import type { BrowserContext, Locator, Page, WebSocketRoute } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startDev, type Dev } from '../dev/start-dev.ts'
import { launchBrowser, type TestBrowser } from '../tests/browser.ts'

const pictures = join(import.meta.dirname, '../../out/console')
let dev: Dev
let chromium: TestBrowser
let context: BrowserContext
let page: Page
let phonePage: Page
const asked = new Set<string>()
const broken: string[] = []

beforeAll(async () => {
  await mkdir(pictures, { recursive: true })
  ;[dev, chromium] = await Promise.all([startDev({ durable: false }), launchBrowser()])
  context = await newContext('es-ES')
  page = await context.newPage()
}, 180_000)
afterAll(async () => {
  await chromium?.[Symbol.asyncDispose]()
  await dev?.[Symbol.asyncDispose]()
}, 60_000)

type Stored = Awaited<ReturnType<BrowserContext['storageState']>>

async function newContext(locale: string, storageState?: Stored): Promise<BrowserContext> {
  const made = await chromium.browser.newContext({
    locale,
    viewport: { width: 1280, height: 800 },
    ...(storageState ? { storageState } : {}),
  })
  made.setDefaultTimeout(30_000)
  made.on('request', (request) => asked.add(new URL(request.url()).origin))
  made.on('weberror', (error) => broken.push(String(error.error())))
  made.on('console', (line) => line.text().includes('Content Security Policy') && broken.push(line.text()))
  return made
}

/** What axe finds serious or worse, in light and in dark. */
async function seriousTroubles(of: Page, name: string): Promise<string[]> {
  const found: string[] = []
  for (const colorScheme of ['light', 'dark'] as const) {
    await of.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    await of.screenshot({ path: join(pictures, `${name}-${colorScheme}.png`) })
    const { violations } = await new AxeBuilder({ page: of }).analyze()
    for (const { id, impact, nodes } of violations)
      if (impact === 'serious' || impact === 'critical')
        found.push(`${colorScheme} ${id}: ${nodes.map((node) => node.html.slice(0, 160)).join(' ')}`)
  }
  await of.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' })
  return found
}

/** Waits until the page has caught up. */
function eventually<T>(look: () => Promise<T> | T) {
  return expect.poll(look, { timeout: 20_000 })
}

const feed = (): Locator => page.getByRole('feed')
const composer = (): Locator => page.getByRole('textbox', { name: 'Escribe un mensaje' })
const mine = (): Locator => phonePage.getByRole('region', { name: 'Mi teléfono' })
const contact = (): Locator => phonePage.getByRole('region', { name: /^Como / })
async function contactName(): Promise<string> {
  return ((await contact().getByRole('heading').first().textContent()) ?? '').replace('Como ', '')
}
async function contactSays(text: string): Promise<void> {
  await contact().getByRole('textbox', { name: 'Mensaje' }).fill(text)
  await contact().getByRole('button', { name: 'Enviar' }).click()
}
async function scan(): Promise<void> {
  await mine().getByRole('button', { name: 'Vincular un dispositivo' }).click()
  await mine().getByAltText('Lo que ve la cámara').waitFor()
  await mine().getByRole('button', { name: 'Escanear', exact: true }).click()
  await mine().getByText('En línea').waitFor()
}

describe('the console', { timeout: 120_000 }, () => {
  it('says in a sentence why a sign-in was refused', async () => {
    await page.goto(dev.url)
    expect(await seriousTroubles(page, 'sign-in')).toEqual([])
    await page.getByLabel('Correo electrónico').fill(dev.login.email)
    await page.getByLabel('Contraseña', { exact: true }).fill('not-the-password')
    await page.getByRole('button', { name: 'Iniciar sesión' }).click()
    await page.getByRole('alert').getByText('El correo o la contraseña no son correctos.').waitFor()
  })

  it('shows the QR after signing in', async () => {
    await page.getByLabel('Contraseña', { exact: true }).fill(dev.login.password)
    await page.getByRole('button', { name: 'Iniciar sesión' }).click()
    await page.getByAltText('Código QR para vincular tu WhatsApp').waitFor()
    await page.getByText(/Este código se renueva en \d+ s/).waitFor()
    expect(await seriousTroubles(page, 'qr')).toEqual([])
  })

  it('is linked by a phone that scans the screen, and shows its chats', async () => {
    const opened = context.waitForEvent('page')
    await page.getByRole('link', { name: 'Abrir el teléfono simulado' }).click()
    phonePage = await opened
    await phonePage.setViewportSize({ width: 1280, height: 1000 })
    await mine().getByRole('button', { name: 'Escanear código QR' }).click()
    await mine().getByAltText('Lo que ve la cámara').waitFor()
    expect(await seriousTroubles(phonePage, 'phone-scan')).toEqual([])
    await mine().getByRole('button', { name: 'Escanear', exact: true }).click()
    await mine().getByText('En línea').waitFor()
    await page.getByRole('link', { name: new RegExp(await contactName()) }).waitFor()
    await eventually(() => page.getByTestId('spoken').textContent()).toContain('Conectado')
  })

  it('shows what a contact writes at once, as text whatever it contains, and says so aloud', async () => {
    const hostile = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script> *negrita* \u202egnp.exe'
    await page.getByRole('link', { name: new RegExp(await contactName()) }).click()
    await feed().waitFor()
    await contactSays(hostile)
    const bubble = feed().getByRole('article').last()
    await bubble.getByText('<img src=x onerror="window.hacked=1">').waitFor()
    expect(await bubble.locator('.body').textContent()).toBe(hostile.replace('*negrita*', 'negrita'))
    expect(await feed().locator('img, script').count()).toBe(0)
    expect(await page.evaluate(() => 'hacked' in window)).toBe(false)
    await eventually(() => page.getByTestId('spoken').textContent()).toContain(
      `Mensaje nuevo de ${await contactName()}`,
    )
  })

  it('sends replies in order; the phone shows them decrypted, and the ticks come back', async () => {
    const replies = ['Respuesta uno', 'Respuesta dos', 'Respuesta tres']
    for (const reply of replies) {
      await composer().fill(reply)
      await composer().press('Enter')
    }
    await contact().getByText('Respuesta tres').waitFor()
    const shown = await contact()
      .getByText(/^Respuesta/)
      .allTextContents()
    expect(shown).toEqual(replies)
    expect(
      await feed()
        .getByText(/^Respuesta/)
        .allTextContents(),
    ).toEqual(replies)
    await feed().getByRole('article').last().getByText('Leído').waitFor()
    expect(await seriousTroubles(page, 'thread')).toEqual([])
    expect(await seriousTroubles(phonePage, 'phones')).toEqual([])
  })

  it('can be used with the keyboard alone', async () => {
    await composer().press('Control+k')
    await page.keyboard.type('nadie se llama así')
    await page.getByRole('heading', { name: 'Ningún chat coincide' }).waitFor()
    await page.keyboard.press('Escape')
    const rows = page.getByRole('navigation', { name: 'Chats' }).getByRole('link', { name: /^Chat, / })
    await eventually(() => rows.count()).toBe(3)
    await rows.first().focus()
    await page.keyboard.press('ArrowDown')
    await eventually(() => rows.nth(1).evaluate((row) => row === document.activeElement)).toBe(true)
    expect(await rows.evaluateAll((all) => all.filter((row) => row.tabIndex === 0).length)).toBe(1)
    await page.keyboard.press('Enter')
    await eventually(() => rows.nth(1).getAttribute('aria-current')).toBe('page')
    await eventually(() => composer().evaluate((field) => field === document.activeElement)).toBe(true)
    await feed().getByRole('article').last().waitFor()
    await page.keyboard.press('Shift+Tab')
    await eventually(() => page.evaluate(() => document.activeElement?.tagName)).toBe('ARTICLE')
    const place = (): Promise<string | null | undefined> =>
      page.evaluate(() => document.activeElement?.getAttribute('aria-posinset'))
    const last = await place()
    await page.keyboard.press('PageUp')
    await eventually(place).toBe(String(Number(last) - 1))
    await page.keyboard.press('Escape')
    await eventually(() => composer().evaluate((field) => field === document.activeElement)).toBe(true)
  })

  it('shows the list or the chat on a phone, and the way back', async () => {
    await page.setViewportSize({ width: 390, height: 844 })
    await page.screenshot({ path: join(pictures, 'thread-phone.png') })
    expect(await page.getByRole('navigation', { name: 'Chats' }).isVisible()).toBe(false)
    await page.getByRole('button', { name: 'Volver a los chats' }).click()
    await page.getByRole('navigation', { name: 'Chats' }).waitFor()
    expect(await composer().count()).toBe(0)
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390)
    await page.screenshot({ path: join(pictures, 'list-phone.png') })
    await page.setViewportSize({ width: 1280, height: 800 })
  })

  it('keeps what was being written, and finds again what came while it was away', async () => {
    const name = await contactName()
    await page.getByRole('link', { name: new RegExp(name) }).click()
    await composer().fill('A medio escribir')
    await dev.restartHost()
    await contactSays('Llegó mientras no estabas')
    await feed().getByText('Llegó mientras no estabas').waitFor()
    await page.reload()
    await feed().getByText('Llegó mientras no estabas').waitFor()
    expect(await composer().inputValue()).toBe('A medio escribir')
    await composer().fill('')
  })

  it('catches up after a cut connection, and says how much', async () => {
    const travelling = await newContext('es-ES', await context.storageState())
    const cuttable = await travelling.newPage()
    const wires: WebSocketRoute[] = []
    const joined = Promise.withResolvers<undefined>()
    await cuttable.routeWebSocket(/socket\.io/, (wire) => {
      wires.push(wire)
      const server = wire.connectToServer()
      server.onMessage((frame) => {
        // A first join is answered with the place where the stream is.
        if (frame.toString().includes('"resync"')) joined.resolve(undefined)
        wire.send(frame)
      })
    })
    await cuttable.goto(page.url())
    await joined.promise
    const itsFeed = cuttable.getByRole('feed')
    await contactSays('Antes del corte')
    await itsFeed.getByText('Antes del corte').waitFor()
    await travelling.setOffline(true)
    for (const wire of wires) await wire.close({ code: 1001 })
    await cuttable.getByRole('status').getByText('No tienes conexión a internet').waitFor()
    for (const text of ['Durante el corte, uno', 'Durante el corte, dos']) {
      await contactSays(text)
      await feed().getByText(text).waitFor()
    }
    await travelling.setOffline(false)
    await eventually(() => cuttable.getByTestId('spoken').textContent()).toBe('2 mensajes recuperados')
    const caughtUp = ['Antes del corte', 'Durante el corte, uno', 'Durante el corte, dos']
    expect(await itsFeed.getByText(/corte/).allTextContents()).toEqual(caughtUp)
    await travelling.close()
  })

  it('says why a session ended and links again', async () => {
    await mine()
      .getByRole('button', { name: /^Desvincular/ })
      .click()
    await page.getByRole('alert').getByText('Tu teléfono ha cerrado esta sesión').waitFor()
    expect(await seriousTroubles(page, 'ended')).toEqual([])
    await page.getByRole('button', { name: 'Generar un código nuevo' }).click()
    await page.getByAltText('Código QR para vincular tu WhatsApp').waitFor()
    await scan()
    await page.getByRole('link', { name: new RegExp(await contactName()) }).waitFor()
  })

  it('unlinks only after asking, and leaves nothing behind when signing out', async () => {
    await page.getByRole('link', { name: new RegExp(await contactName()) }).click()
    await composer().fill('Un borrador')
    await page.getByRole('button', { name: 'Ajustes' }).click()
    expect(await seriousTroubles(page, 'settings')).toEqual([])
    await page.getByRole('button', { name: 'Desvincular WhatsApp' }).click()
    await page.getByRole('dialog', { name: '¿Desvincular WhatsApp?' }).waitFor()
    await page.getByRole('button', { name: 'Desvincular', exact: true }).click()
    await page.getByText('Has desvinculado tu WhatsApp').waitFor()
    await page.getByRole('button', { name: 'Ajustes' }).click()
    await page.getByRole('button', { name: 'Cerrar sesión' }).click()
    await page.getByRole('heading', { name: 'Hola de nuevo' }).waitFor()
    expect(
      await page.evaluate(() => Object.keys(localStorage).filter((key) => !key.startsWith('console.theme'))),
    ).toEqual([])
  })

  it('takes a new account, in English, which sees nothing of the first', async () => {
    const english = await newContext('en-GB')
    const visitor = await english.newPage()
    await visitor.goto(dev.url)
    await visitor.getByRole('button', { name: 'No account yet? Create one' }).click()
    await visitor.getByLabel('Email').fill('second@example.com')
    await visitor.getByLabel('Password', { exact: true }).fill('short')
    await visitor.getByRole('button', { name: 'Create account' }).click()
    await visitor.getByRole('alert').getByText('The password needs at least 8 characters.').waitFor()
    await visitor.getByLabel('Password', { exact: true }).fill('long enough for anybody')
    await visitor.getByRole('button', { name: 'Create account' }).click()
    await visitor.getByAltText('QR code to link your WhatsApp').waitFor()
    expect(await visitor.getByRole('link', { name: /^Chat, / }).count()).toBe(0)
    await english.close()
  })

  it('asked nobody but its own servers, broke no policy, and weighs less than 230 kB', async () => {
    const own = [dev.url, dev.supabaseUrl, dev.simulatorUrl].map((url) => new URL(url).origin)
    expect([...asked].filter((origin) => origin !== 'null' && !own.includes(origin))).toEqual([])
    expect(broken).toEqual([])
    const html = await (await fetch(dev.url)).text()
    const files = [...html.matchAll(/(?:src|href)="\.?(\/assets\/[^"]+)"/g)].map(([, path]) => path ?? '')
    const sizes = await Promise.all(
      files.map(async (path) => gzipSync(await (await fetch(new URL(path, dev.url))).bytes()).length),
    )
    expect(files.length).toBeGreaterThan(1)
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(230_000)
  })
})
