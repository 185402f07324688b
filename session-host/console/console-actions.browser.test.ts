import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import AxeBuilder from '@axe-core/playwright'
import type { BrowserContext, Locator, Page, Route } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startDev, type Dev } from '../dev/start-dev.ts'
import { launchBrowser, type TestBrowser } from '../tests/browser.ts'

const pictures = join(import.meta.dirname, '../../out/console')
let dev: Dev
let chromium: TestBrowser
let context: BrowserContext
let page: Page
let me: { number: string; contacts: { number: string; name: string }[] }
const broken: string[] = []

beforeAll(async () => {
  await mkdir(pictures, { recursive: true })
  ;[dev, chromium] = await Promise.all([startDev({ durable: false }), launchBrowser()])
  context = await chromium.browser.newContext({
    locale: 'es-ES',
    viewport: { width: 1280, height: 800 },
    permissions: ['clipboard-read', 'clipboard-write'],
  })
  context.setDefaultTimeout(20_000)
  context.on('weberror', (error) => broken.push(String(error.error())))
  context.on('console', (line) => line.text().includes('Content Security Policy') && broken.push(line.text()))
  page = await context.newPage()
  await page.emulateMedia({ reducedMotion: 'reduce' })
  const { phones } = await control<{ phones: (typeof me)[] }>('GET', '/phones')
  const owner = phones.find(({ contacts }) => contacts.length > 0)
  if (!owner) throw new Error('the simulator has no phone with contacts')
  me = owner
}, 180_000)
afterAll(async () => {
  await chromium?.[Symbol.asyncDispose]()
  await dev?.[Symbol.asyncDispose]()
}, 60_000)

/** A request of the simulator's control API. */
async function control<T>(method: string, path: string, body?: object | Uint8Array<ArrayBuffer>): Promise<T> {
  const raw = body instanceof Uint8Array
  const response = await fetch(`${dev.simulatorUrl}${path}`, {
    method,
    ...(body ? { body: raw ? body : JSON.stringify(body) } : {}),
    headers: body && !raw ? { 'content-type': 'application/json' } : {},
  })
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
  return (await response.json()) as T
}

interface SeenMessage {
  id: string
  from_me: boolean
  text: string
  media: { kind: string; file_name: string | null; bytes: number } | null
}

/** What the contact's phone has of the chat with this number. */
async function seenBy(number: string): Promise<SeenMessage[]> {
  const path = `/phones/${number}/messages?with=${me.number}`
  return (await control<{ messages: SeenMessage[] }>('GET', path)).messages
}

async function contentSeenBy(number: string, id: string): Promise<string> {
  return JSON.stringify(await control('GET', `/phones/${number}/messages/${id}/content`))
}

const contact = (index: number): { number: string; name: string } => {
  const found = me.contacts[index]
  if (!found) throw new Error(`there is no contact ${index}`)
  return found
}
const says = (text: string, from = contact(0).number): Promise<{ id: string }> =>
  control('POST', `/phones/${from}/say`, { to: me.number, text })
const sends = (message: object, from = contact(0).number): Promise<{ id: string }> =>
  control('POST', `/phones/${from}/send`, { to: me.number, message })

/** What axe finds serious or worse, in light and in dark. */
async function seriousTroubles(name: string): Promise<string[]> {
  const found: string[] = []
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    await page.screenshot({ path: join(pictures, `${name}-${colorScheme}.png`) })
    const { violations } = await new AxeBuilder({ page }).analyze()
    for (const { id, impact, nodes } of violations)
      if (impact === 'serious' || impact === 'critical')
        found.push(`${colorScheme} ${id}: ${nodes.map((node) => node.html.slice(0, 160)).join(' ')}`)
  }
  await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' })
  return found
}

/** Waits until the world has caught up. */
function eventually<T>(look: () => Promise<T> | T) {
  return expect.poll(look, { timeout: 20_000 })
}

const feed = (): Locator => page.getByRole('feed')
const composer = (): Locator => page.getByRole('textbox', { name: 'Escribe un mensaje' })
const chats = (): Locator => page.getByRole('navigation', { name: 'Chats' })
const row = (name: string): Locator => chats().getByRole('link', { name: new RegExp(name) })
const bubble = (text: string): Locator => feed().getByRole('article').filter({ hasText: text })
const menuItem = (name: string): Locator => page.getByRole('menuitem', { name, exact: true })
async function openMenuOf(text: string): Promise<void> {
  await bubble(text).first().hover()
  await bubble(text).first().getByRole('button', { name: 'Acciones del mensaje' }).click()
  await page.getByRole('menu').waitFor()
}

describe('the console acts', { timeout: 120_000 }, () => {
  it('is linked without a camera, by a code that is typed on the phone', async () => {
    await page.goto(dev.url)
    await page.getByLabel('Correo electrónico').fill(dev.login.email)
    await page.getByLabel('Contraseña', { exact: true }).fill(dev.login.password)
    await page.getByRole('button', { name: 'Iniciar sesión' }).click()
    await page.getByRole('button', { name: 'Vincular con el número de teléfono' }).click()
    const number = page.getByLabel('Número de tu WhatsApp')
    await number.fill('12')
    await page.getByRole('button', { name: 'Pedir un código' }).click()
    await page.getByRole('alert').getByText('número').waitFor()
    await number.fill(`+${me.number}`)
    await page.getByRole('button', { name: 'Pedir un código' }).click()
    const code = page.getByRole('status', { name: 'Código para escribir en el teléfono' })
    await code.waitFor()
    await page.getByText(/Este código vale \d+ s más/).waitFor()
    await page.getByRole('button', { name: 'Copiar el código' }).click()
    const copied = await page.evaluate(() => navigator.clipboard.readText())
    expect(copied).toMatch(/^[0-9A-Z]{4}-[0-9A-Z]{4}$/)
    expect(await code.textContent()).toBe(copied)
    expect(await seriousTroubles('pairing-code')).toEqual([])

    const phone = await context.newPage()
    await phone.goto(dev.simulatorUrl)
    const mine = phone.getByRole('region', { name: 'Mi teléfono' })
    await mine.getByRole('button', { name: 'Ajustes' }).click()
    await mine.getByRole('button', { name: /Dispositivos vinculados/ }).click()
    await mine.getByRole('button', { name: 'Vincular un dispositivo' }).click()
    await mine.getByRole('button', { name: 'Vincular con el número de teléfono' }).click()
    await mine.getByLabel('Código de vinculación').fill('AAAA-AAAA')
    await mine.getByRole('button', { name: 'Vincular con este código' }).click()
    await mine.getByRole('alert').getByText('Ese código no es').waitFor()
    await mine.getByLabel('Código de vinculación').fill(copied)
    await mine.getByRole('button', { name: 'Vincular con este código' }).click()
    await mine.getByText('En línea').waitFor()
    await phone.close()
    await row(contact(0).name).waitFor()
  })

  it('answers a message with the keyboard, and the contact sees what it answers', async () => {
    await row(contact(0).name).click()
    await says('¿A qué hora llegas?')
    await bubble('¿A qué hora llegas?').waitFor()
    await bubble('¿A qué hora llegas?').last().focus()
    await page.keyboard.press('r')
    await page.getByText(`Respondiendo a ${contact(0).name}`).waitFor()
    await eventually(() => composer().evaluate((field) => field === document.activeElement)).toBe(true)
    await page.screenshot({ path: join(pictures, 'reply.png') })
    await page.keyboard.type('A las nueve')
    await page.keyboard.press('Enter')
    await eventually(async () => (await seenBy(contact(0).number)).at(-1)?.text).toBe('A las nueve')
    const answer = (await seenBy(contact(0).number)).at(-1)
    expect(await contentSeenBy(contact(0).number, answer?.id ?? '')).toContain('¿A qué hora llegas?')
    await bubble('A las nueve').locator('.quoted').getByText('¿A qué hora llegas?').waitFor()
    expect(await page.getByText(`Respondiendo a ${contact(0).name}`).count()).toBe(0)
  })

  it('reacts with a menu that the keyboard can use, and takes the reaction back', async () => {
    await bubble('¿A qué hora llegas?').first().focus()
    await page.keyboard.press('Enter')
    await page.keyboard.press('Enter')
    await page.getByRole('menu', { name: 'Acciones del mensaje' }).waitFor()
    expect(await seriousTroubles('message-menu')).toEqual([])
    await page.keyboard.press('Escape')
    await eventually(() => page.evaluate(() => document.activeElement?.getAttribute('aria-haspopup'))).toBe('menu')
    await page.keyboard.press('Enter')
    await page.keyboard.press('ArrowRight')
    await page.keyboard.press('Enter')
    const reactions = bubble('¿A qué hora llegas?').first().getByRole('list', { name: 'Reacciones' })
    await reactions.getByText('❤️').waitFor()
    await openMenuOf('¿A qué hora llegas?')
    await page.getByRole('menuitemcheckbox', { name: 'Quitar la reacción ❤️' }).click()
    await reactions.waitFor({ state: 'detached' })
  })

  it('copies, edits and deletes for everyone', async () => {
    await composer().fill('Con un erorr')
    await composer().press('Enter')
    await bubble('Con un erorr')
      .getByText(/Enviado|Entregado|Leído/)
      .waitFor()
    await openMenuOf('Con un erorr')
    await menuItem('Copiar el texto').click()
    await eventually(() => page.evaluate(() => navigator.clipboard.readText())).toBe('Con un erorr')
    await openMenuOf('Con un erorr')
    await menuItem('Editar').click()
    const dialog = page.getByRole('dialog', { name: 'Editar el mensaje' })
    await dialog.getByRole('textbox').fill('Sin error')
    await page.screenshot({ path: join(pictures, 'edit.png') })
    await dialog.getByRole('button', { name: 'Guardar' }).click()
    await dialog.waitFor({ state: 'detached' })
    await bubble('Sin error').getByText('editado').waitFor()
    await openMenuOf('Sin error')
    await menuItem('Eliminar para todos').click()
    await page.getByRole('button', { name: 'Eliminar', exact: true }).click()
    await bubble('Se eliminó este mensaje').waitFor()
  })

  it('forwards a message to another chat', async () => {
    await openMenuOf('A las nueve')
    await menuItem('Reenviar').click()
    const dialog = page.getByRole('dialog', { name: 'Reenviar a un chat' })
    await dialog.getByRole('button', { name: contact(1).name }).waitFor()
    await page.screenshot({ path: join(pictures, 'forward.png') })
    await dialog.getByRole('button', { name: contact(1).name }).click()
    await dialog.waitFor({ state: 'detached' })
    await eventually(async () => (await seenBy(contact(1).number)).at(-1)?.text).toBe('A las nueve')
  })

  it('votes in a poll and changes the vote', async () => {
    const options = ['Lunes', 'Martes']
    await control('POST', `/phones/${contact(0).number}/poll`, {
      to: me.number,
      name: '¿Qué día?',
      options,
      selectable: 1,
    })
    const poll = bubble('¿Qué día?')
    await poll.getByRole('button', { name: 'Lunes' }).click()
    await poll.getByRole('button', { name: 'Lunes (tu voto)' }).waitFor()
    await poll.getByRole('button', { name: 'Martes' }).click()
    await poll.getByRole('button', { name: 'Martes (tu voto)' }).waitFor()
    await eventually(() => poll.getByRole('button', { name: 'Lunes' }).getAttribute('aria-pressed')).toBe('false')
    await page.screenshot({ path: join(pictures, 'poll.png') })
  })

  it('sends the files that were chosen and pasted, and the contact gets them whole', async () => {
    const picker = page.getByTestId('file-picker')
    await picker.setInputFiles([
      { name: 'nota.txt', mimeType: 'text/plain', buffer: Buffer.from('unas palabras') },
      { name: 'vacio.txt', mimeType: 'text/plain', buffer: Buffer.alloc(0) },
    ])
    const tray = page.getByRole('list', { name: 'Archivos para enviar' })
    await tray.getByText('El archivo está vacío.').waitFor()
    await tray.getByText('Listo para enviar').waitFor()
    expect(await seriousTroubles('tray')).toEqual([])
    await tray.getByRole('button', { name: 'Quitar vacio.txt' }).click()
    await composer().evaluate((field) => {
      const data = new DataTransfer()
      data.items.add(new File(['pegado'], 'pegado.txt', { type: 'text/plain' }))
      field.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }))
    })
    await eventually(() => tray.getByText('Listo para enviar').count()).toBe(2)
    await composer().fill('Con dos archivos')
    await composer().press('Enter')
    await tray.waitFor({ state: 'detached' })
    const names = async (): Promise<(string | null)[]> =>
      (await seenBy(contact(0).number)).flatMap(({ media }) => (media ? [media.file_name] : []))
    await eventually(names).toEqual(['nota.txt', 'pegado.txt'])
    const files = (await seenBy(contact(0).number)).flatMap(({ media }) => (media ? [media.bytes] : []))
    expect(files).toEqual([13, 6])
    await bubble('nota.txt').waitFor()
    expect(await bubble('nota.txt').count()).toBe(1)
    // The caption of the first can be changed.
    await openMenuOf('nota.txt')
    await menuItem('Editar').click()
    const dialog = page.getByRole('dialog', { name: 'Editar el mensaje' })
    await dialog.getByRole('textbox').fill('Con dos papeles')
    await dialog.getByRole('button', { name: 'Guardar' }).click()
    await bubble('nota.txt').getByText('Con dos papeles').waitFor()
    const texts = async (): Promise<string[]> => (await seenBy(contact(0).number)).map(({ text }) => text)
    await eventually(texts).toContain('Con dos papeles')
  })

  it('sends a file once, also when the answer to the first try is lost', async () => {
    const loseAnswer = async (route: Route): Promise<void> => {
      await route.fetch()
      await route.abort()
    }
    await page.route('**/api/whatsapp/send_message', loseAnswer, { times: 1 })
    await page.getByTestId('file-picker').setInputFiles({
      name: 'una-vez.txt',
      mimeType: 'text/plain',
      buffer: Buffer.from('una sola vez'),
    })
    await page.getByRole('list', { name: 'Archivos para enviar' }).getByText('Listo para enviar').waitFor()
    await page.getByRole('button', { name: 'Enviar', exact: true }).click()
    await feed().getByRole('button', { name: 'Reintentar' }).click()
    await feed().getByRole('button', { name: 'Reintentar' }).waitFor({ state: 'detached' })
    const copies = async (): Promise<number> =>
      (await seenBy(contact(0).number)).filter(({ media }) => media?.file_name === 'una-vez.txt').length
    await eventually(copies).toBe(1)
    await eventually(() => bubble('una-vez.txt').count()).toBe(1)
    expect(await copies()).toBe(1)
  })

  it('asks again for a file that could not be received', async () => {
    const trouble = `/phones/${contact(0).number}/media?to=${me.number}&kind=document&trouble=expired&forgotten=true`
    await control('POST', trouble, new TextEncoder().encode('un documento'))
    const failed = feed().getByRole('article').last()
    await failed.getByText('WhatsApp ya no tiene el archivo.').waitFor()
    const asked = page.waitForRequest('**/api/whatsapp/request_media')
    await failed.getByRole('button', { name: 'Descargar' }).click()
    expect((await asked).postDataJSON()).toMatchObject({ messageId: expect.any(String) })
    const picture = `/phones/${contact(0).number}/media?to=${me.number}&kind=image&trouble=expired&forgotten=true`
    await control('POST', picture)
    const gone = feed().getByRole('article').last()
    await gone.getByText('Foto: WhatsApp ya no tiene el archivo.').waitFor()
    const small = gone.locator('.medium .thumbnail')
    expect(await small.evaluate((image: HTMLImageElement) => image.decode().then(() => image.naturalWidth))).toBe(64)
    await page.screenshot({ path: join(pictures, 'media-failed.png') })
  })

  it('shows in the chat and in the list that a contact types, until the text is there', async () => {
    await control('POST', `/phones/${contact(0).number}/typing`, { to: me.number, state: 'composing' })
    await page.locator('.thread-who').getByText('escribiendo…').waitFor()
    await row(contact(0).name).getByText('escribiendo…').waitFor()
    await page.screenshot({ path: join(pictures, 'typing.png') })
    await says('Ya lo he escrito')
    await bubble('Ya lo he escrito').waitFor()
    const typing = page.locator('.thread-who').getByText('escribiendo…')
    await typing.waitFor({ state: 'detached' })
    expect(await typing.count()).toBe(0)
  })

  it('finds a message in all chats by its words, and leads to its place', async () => {
    await row(contact(1).name).click()
    await composer().waitFor()
    const box = page.getByRole('searchbox')
    await box.fill('hora llegas')
    const found = page.getByRole('region', { name: 'Mensajes' })
    const hit = found.getByRole('link').filter({ hasText: '¿A qué hora llegas?' }).first()
    await hit.locator('mark').first().waitFor()
    expect(await seriousTroubles('search')).toEqual([])
    await hit.click()
    await bubble('¿A qué hora llegas?').first().waitFor()
    await eventually(() => page.evaluate(() => document.activeElement?.textContent ?? '')).toContain(
      '¿A qué hora llegas?',
    )
    await box.fill('nadie ha escrito esto')
    await page.getByRole('heading', { name: 'Ningún chat coincide' }).waitFor()
    await found.waitFor({ state: 'detached' })
    await box.fill('')
    await row(contact(1).name).waitFor()
  })

  it('archives, pins, mutes and marks as unread, with the menu and with keys', async () => {
    await says('Hola', contact(2).number)
    await row(contact(2).name).getByText('Hola').waitFor()
    const last = contact(1).name
    await row(last).hover()
    await chats()
      .getByRole('button', { name: `Acciones del chat ${last}` })
      .click()
    await page.screenshot({ path: join(pictures, 'chat-menu.png') })
    await menuItem('Fijar arriba').click()
    const names = chats().getByRole('link', { name: /^Chat, / })
    await eventually(() => names.first().textContent()).toContain(last)
    await row(last).getByText('Fijado').waitFor({ state: 'attached' })
    await row(last).hover()
    await chats()
      .getByRole('button', { name: `Acciones del chat ${last}` })
      .click()
    await menuItem('Silenciar').click()
    await row(last).getByText('Silenciado').waitFor({ state: 'attached' })
    await row(last).focus()
    await page.keyboard.press('u')
    await row(last).getByText('marcado como no leído').waitFor({ state: 'attached' })
    await page.screenshot({ path: join(pictures, 'chat-states.png') })
    await page.keyboard.press('e')
    await row(last).waitFor({ state: 'detached' })
    await chats().getByRole('button', { name: 'Ver archivados' }).click()
    await row(last).focus()
    await page.keyboard.press('e')
    await row(last).waitFor({ state: 'detached' })
    await chats().getByRole('button', { name: 'Volver a los chats activos' }).click()
    await row(last).waitFor()
  })

  it('shows a group with its description, its members by name, and what happened in it', async () => {
    const members = [{ number: me.number }, { number: contact(1).number, role: 'admin' }]
    const group = await control<{ id: string }>('POST', '/groups', {
      by: contact(0).number,
      subject: 'Vecinos',
      description: 'Todo lo de la escalera',
      members,
    })
    await control('POST', `/groups/${group.id}/say`, { from: contact(1).number, text: '¿Quién tiene la llave?' })
    await row('Vecinos').click()
    await bubble('¿Quién tiene la llave?').getByText(contact(1).name).waitFor()
    await control('POST', `/groups/${group.id}/settings`, { by: contact(0).number, only_admins_send: true })
    await feed()
      .getByText(/permite escribir solo a los administradores/)
      .waitFor()
    await page.getByRole('button', { name: 'Información del grupo' }).click()
    const panel = page.getByRole('dialog', { name: 'Vecinos' })
    await panel.getByText('Todo lo de la escalera').waitFor()
    const people = panel.getByRole('list', { name: '3 miembros' })
    await people
      .getByRole('listitem')
      .filter({ hasText: contact(0).name })
      .getByText('creador del grupo')
      .waitFor()
    await people
      .getByRole('listitem')
      .filter({ hasText: contact(1).name })
      .getByText('administrador')
      .waitFor()
    await people.getByText('Tú', { exact: true }).waitFor()
    expect(await seriousTroubles('group')).toEqual([])
    await page.keyboard.press('Escape')
  })

  it('shows hostile names, captions, cards, places, polls and subjects as the text that they are', async () => {
    const hostile = (where: string): string =>
      `<img src=x onerror="window.hacked='${where}'"><script>window.hacked='${where}'</script><b>${where}</b>`
    const from = contact(0).number
    await row(contact(0).name).click()
    // Somebody whom nobody has saved, known by the name that they gave themselves.
    const stranger = '34600999111'
    const pushName = `<img src=x onerror="window.hacked=1"><b>push name</b>`
    await control('POST', `/phones/${me.number}/contacts`, {
      number: stranger,
      name: 'x',
      push_name: pushName,
      saved: false,
    })
    await says(hostile('stranger'), stranger)
    await row('<b>push name</b>').getByText('<b>stranger</b>').waitFor()
    const file = `/phones/${from}/media?to=${me.number}&kind=document&file_name=${encodeURIComponent(hostile('file'))}&caption=${encodeURIComponent(hostile('caption'))}`
    await control('POST', file, new TextEncoder().encode('<script>window.hacked="bytes"</script>'))
    const vcard = `BEGIN:VCARD\nVERSION:3.0\nFN:${hostile('card')}\nTEL;waid=1:<b>phone</b><img src=x onerror="window.hacked=1">\nEND:VCARD`
    await sends({ contactMessage: { displayName: hostile('card'), vcard } })
    await sends({
      locationMessage: { degreesLatitude: 1, degreesLongitude: 2, name: hostile('place'), address: hostile('address') },
    })
    const options = [hostile('option'), 'otra']
    await control('POST', `/phones/${from}/poll`, { to: me.number, name: hostile('poll'), options, selectable: 0 })
    for (const where of ['file', 'caption', 'card', 'phone', 'place', 'address', 'poll', 'option'])
      await feed().getByText(`<b>${where}</b>`).first().waitFor()
    await page.screenshot({ path: join(pictures, 'hostile.png') })
    const subject = `<img src=x onerror="window.hacked=1"><b>subject</b>`
    const description = hostile('description')
    const members = [{ number: me.number }, { number: stranger }]
    const group = await control<{ id: string }>('POST', '/groups', { by: from, subject, description, members })
    await control('POST', `/groups/${group.id}/say`, { from: stranger, text: hostile('text') })
    await row('<b>subject</b>').click()
    await bubble('<b>text</b>').getByText('<b>push name</b>').waitFor()
    await page.getByRole('button', { name: 'Información del grupo' }).click()
    await page.getByRole('dialog').getByText('<b>description</b>').waitFor()
    await page.screenshot({ path: join(pictures, 'hostile-group.png') })
    await page.keyboard.press('Escape')
    expect(await page.evaluate(() => 'hacked' in window)).toBe(false)
    expect(await page.locator('[onerror], #root script, #root b').count()).toBe(0)
  })

  it('fits a phone, menus and tray included', async () => {
    await page.setViewportSize({ width: 390, height: 844 })
    await feed().getByRole('article').last().getByRole('button', { name: 'Acciones del mensaje' }).click()
    await page.getByRole('menu').waitFor()
    const box = await page.getByRole('menu').boundingBox()
    expect((box?.x ?? -1) >= 0 && (box?.x ?? 0) + (box?.width ?? 0) <= 390).toBe(true)
    expect(await seriousTroubles('menu-phone')).toEqual([])
    await page.keyboard.press('Escape')
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390)
  })

  it('broke nothing on the way', () => {
    expect(broken).toEqual([])
  })
})
