import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { BaileysEventMap } from '@whiskeysockets/baileys'
import { createSimulator } from './simulator.ts'
import { createControl } from './testing/control.ts'
import { linkedCompanion } from './testing/linked-companion.ts'
import './testing/quiet-signal.ts'
import { createWorldOfTwo, type WorldOfTwo } from './testing/world-of-two.ts'

function chatUpdate(world: WorldOfTwo, what: string, fits: (chat: BaileysEventMap['chats.update'][number]) => boolean) {
  return world.companion.when(what, (event) =>
    event.type === 'chats.update' ? event.data.find((each) => each.id === world.friendJid.pn && fits(each)) : undefined,
  )
}

test('what is set on the phone reaches the companion with right MACs: archive, pin, mute, unread, star, delete, contact, name', async () => {
  await using world = await createWorldOfTwo('settings', { verifyAppState: true })
  const { companion, control, me, friend, friendJid } = world
  const set = (body: object) => control.post(`/phones/${me.number}/settings`, { with: friend.number, ...body })
  const { id } = await control.post<{ id: string }>(`/phones/${friend.number}/say`, { to: me.number, text: 'hola' })
  await companion.until('text', () => companion.texts().includes('hola'))
  await set({ action: 'archive' })
  await chatUpdate(world, 'archived', (each) => each.archived === true)
  await set({ action: 'pin' })
  await chatUpdate(world, 'pinned', (each) => Number(each.pinned) > 0)
  await set({ action: 'mute', until: 2_000_000_000_000 })
  await chatUpdate(world, 'muted', (each) => Number(each.muteEndTime) === 2_000_000_000_000)
  await set({ action: 'mark_read', on: false })
  await chatUpdate(world, 'unread', (each) => each.unreadCount === -1)
  await set({ action: 'archive', on: false })
  await chatUpdate(world, 'unarchived', (each) => each.archived === false)
  await set({ action: 'star', id })
  await companion.when('starred', (event) =>
    event.type === 'messages.update' ? event.data.find((each) => each.update.starred && each.key.id === id) : undefined,
  )
  await set({ action: 'contact', name: 'Lucía del taller' })
  await companion.when('renamed', (event) =>
    event.type === 'contacts.upsert' ? event.data.find((each) => each.name === 'Lucía del taller') : undefined,
  )
  await set({ action: 'delete_for_me', id })
  await companion.when('deleted', (event) =>
    event.type === 'messages.delete' && 'keys' in event.data
      ? event.data.keys.find((each) => each.id === id)
      : undefined,
  )
  expect(await world.shown(me.number, friend.number)).toEqual([])
  await set({ action: 'delete_chat' })
  const gone = await companion.when('chat deleted', (event) => (event.type === 'chats.delete' ? event.data : undefined))
  expect(gone).toEqual([friendJid.pn])
  await control.post(`/phones/${me.number}/settings`, { action: 'push_name', name: 'Tienda Nueva' })
  await companion.until('name', () => companion.auth.state.creds.me?.name === 'Tienda Nueva')
  expect(await control.get('/unhandled')).toEqual({ unhandled: [] })
})

test('what the companion sets the phone takes over, and both go on from there', async () => {
  await using world = await createWorldOfTwo('settings-back', { verifyAppState: true })
  const { companion, control, me, friend, friendJid } = world
  const chat = async () =>
    (await control.get<{ chats: Record<string, unknown>[] }>(`/phones/${me.number}`)).chats.find(
      (each) => each.with === friend.number,
    )
  await control.post(`/phones/${me.number}/settings`, { with: friend.number, action: 'pin' })
  await chatUpdate(world, 'pinned', (each) => Number(each.pinned) > 0)
  await companion.socket.chatModify({ archive: true, lastMessages: [] }, friendJid.pn)
  await companion.socket.chatModify({ mute: 2_000_000_000_000 }, friendJid.pn)
  await companion.socket.chatModify({ pin: false }, friendJid.pn)
  await companion.socket.chatModify({ markRead: false, lastMessages: [] }, friendJid.pn)
  expect(await chat()).toMatchObject({
    archived: true,
    pinned: false,
    muted_until: 2_000_000_000_000,
    marked_unread: true,
  })
  await control.post(`/phones/${me.number}/settings`, { with: friend.number, action: 'archive', on: false })
  await chatUpdate(world, 'unarchived', (each) => each.archived === false)
  expect(await control.get(`/phones/${me.number}/settings`)).toMatchObject({
    versions: { regular_low: 5, regular_high: 1 },
  })
})

test('settings that were there before the link come with the first sync', async () => {
  await using world = await createWorldOfTwo('settings-first', {
    verifyAppState: true,
    before: async (control, number, other) => {
      await control.post(`/phones/${number}/settings`, { with: other, action: 'contact', name: 'De antes' })
    },
  })
  await world.companion.when('contact', (event) =>
    event.type === 'contacts.upsert' ? event.data.find((each) => each.name === 'De antes') : undefined,
  )
  expect(await world.control.get('/unhandled')).toEqual({ unhandled: [] })
})

test('a companion that comes when patches are gone gets a snapshot with right MACs, then patches again', async () => {
  await using world = await createWorldOfTwo('snapshot', {
    verifyAppState: true,
    media: true,
    before: async (control, number, other) => {
      await control.post(`/phones/${number}/settings`, { with: other, action: 'contact', name: 'Uno' })
      await control.post(`/phones/${number}/settings`, { with: other, action: 'contact', name: 'Dos' })
      await control.post(`/phones/${number}/settings/compact`)
    },
  })
  const named = (name: string) =>
    world.companion.when(name, (event) =>
      event.type === 'contacts.upsert' ? event.data.find((each) => each.name === name) : undefined,
    )
  await named('Dos')
  await world.control.post(`/phones/${world.me.number}/settings`, {
    with: world.friend.number,
    action: 'contact',
    name: 'Tres',
  })
  await named('Tres')
  const names = world.companion.events.flatMap((event) =>
    event.type === 'contacts.upsert' ? event.data.map((each) => each.name) : [],
  )
  expect(names).not.toContain('Uno')
})

test('a state that was saved with patches only goes on with right MACs', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'simulator-settings-'))
  const number = '12025550390'
  const other = '34600000391'
  try {
    {
      await using simulator = await createSimulator({ port: 0, seed: 'older', dataDir })
      const control = createControl(simulator.url)
      await control.post('/phones', { number, contacts: [{ number: other, name: 'Uno' }] })
      await control.post(`/phones/${number}/settings`, { with: other, action: 'contact', name: 'Dos' })
    }
    const file = join(dataDir, 'simulator-state.json')
    const state = JSON.parse(readFileSync(file, 'utf8')) as { people: { appState: Record<string, object> }[] }
    for (const { appState } of state.people) {
      for (const each of Object.values(appState)) Object.assign(each, { hash: undefined, values: undefined })
    }
    writeFileSync(file, JSON.stringify(state))
    await using simulator = await createSimulator({ port: 0, dataDir })
    const control = createControl(simulator.url)
    await control.post(`/phones/${number}/settings`, { with: other, action: 'contact', name: 'Tres' })
    await using companion = await linkedCompanion(simulator.webSocketUrl, control, number, { verifyAppState: true })
    const found = await companion.when('renamed', (event) =>
      event.type === 'contacts.upsert' ? event.data.find((each) => each.name === 'Tres') : undefined,
    )
    expect(found.name).toBe('Tres')
  } finally {
    rmSync(dataDir, { recursive: true })
  }
})
