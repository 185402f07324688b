import { expect, test } from 'vitest'
import type { Companion } from './testing/companion.ts'
import type { ShownMessage } from './testing/control.ts'
import { queueEmpty } from './testing/linked-companion.ts'
import './testing/quiet-signal.ts'
import { createWorldOfTwo, type WorldOfTwo } from './testing/world-of-two.ts'

interface GroupView {
  id: string
  jid: string
  subject: string
  members: { number: string; lid: string; jid: string; role: string }[]
}

function has(companion: Companion, text: string): Promise<void> {
  return companion.until(text, () => companion.texts().includes(text))
}

function stubs(companion: Companion) {
  return companion.messages().flatMap((each) => (each.messageStubType ? [each] : []))
}

async function groupOf(world: WorldOfTwo, third: string): Promise<GroupView> {
  await world.control.post('/phones', { number: third, name: 'Begoña', contacts: [], history: [] })
  const group = await world.control.post<GroupView>('/groups', {
    by: world.friend.number,
    subject: 'Familia',
    description: 'Los domingos',
    members: [{ number: world.me.number }, { number: third, role: 'admin' }],
  })
  await world.companion.when('told', (event) => (event.type === 'groups.upsert' ? event.data : undefined))
  return group
}

test.for(['lid', 'pn'])(
  'messages go both ways in a %s-addressed group, with sender keys and a receipt from each member',
  async (as) => {
    await using world = await createWorldOfTwo(`group-${as}`)
    const { companion, control, me, friend } = world
    const third = '12025550310'
    await control.post('/phones', { number: third, contacts: [], history: [] })
    const members = [{ number: me.number }, { number: third }]
    const group = await control.post<GroupView>('/groups', { by: friend.number, subject: 'Obra', members, as })
    for (const text of ['uno', 'dos']) {
      await control.post(`/groups/${group.id}/say`, { from: friend.number, text })
      await has(companion, text)
    }
    const got = companion.messages().find((each) => each.message?.conversation === 'dos')
    expect(got?.key).toMatchObject({
      remoteJid: group.jid,
      fromMe: false,
      participant: as === 'lid' ? `${friend.lid}@lid` : `${friend.number}@s.whatsapp.net`,
      participantAlt: as === 'lid' ? `${friend.number}@s.whatsapp.net` : `${friend.lid}@lid`,
    })
    const encs = companion.stanzas.flatMap((each) =>
      each.tag === 'message' && each.attrs.from === group.jid
        ? [(each.content as { attrs: { type: string } }[]).map((enc) => enc.attrs.type)]
        : [],
    )
    expect(encs).toEqual([['pkmsg', 'skmsg'], ['skmsg']])
    await control.post(`/phones/${me.number}/say`, { to: group.jid, text: 'desde mi móvil' })
    await has(companion, 'desde mi móvil')
    expect(companion.messages().find((each) => each.message?.conversation === 'desde mi móvil')?.key.fromMe).toBe(true)
    for (const text of ['tres', 'cuatro']) {
      await companion.socket.sendMessage(group.jid, { text })
      await world.whenShown(friend.number, group.jid, (each) => each.text === text)
      await world.whenShown(third, group.jid, (each) => each.text === text)
    }
    const own = await world.whenShown(me.number, group.jid, (each) => each.text === 'cuatro')
    await control.post(`/phones/${third}/read`, { with: group.jid })
    const receipts = (type: string | undefined) =>
      companion.stanzas
        .filter(({ tag, attrs }) => tag === 'receipt' && attrs.from === group.jid && attrs.type === type)
        .filter((each) => JSON.stringify(each).includes(own.id))
        .map((each) => each.attrs.participant)
    const others = group.members.filter((each) => each.number !== me.number).map((each) => each.jid)
    await companion.until('read', () => receipts('read').length === 1 && receipts(undefined).length === 2)
    expect(new Set(receipts(undefined))).toEqual(new Set(others))
    expect(receipts('read')).toEqual([group.members.find((each) => each.number === third)?.jid])
    expect(companion.events.some((event) => event.type === 'message-receipt.update')).toBe(true)
    const shown = await world.whenShown(me.number, group.jid, (each) => (each as Shown).receipts?.[third] === 'read')
    expect((shown as Shown).receipts).toMatchObject({ [friend.number]: 'delivered' })
    await queueEmpty(control, me.number)
    expect(await control.get('/unhandled')).toEqual({ unhandled: [] })
  },
)

interface Shown extends ShownMessage {
  receipts?: Record<string, string>
}

test('metadata, changes of members and subject, and leaving are what the companion hears and asks', async () => {
  await using world = await createWorldOfTwo('group-admin')
  const { companion, control, me, friend } = world
  const third = '12025550311'
  const group = await groupOf(world, third)
  expect(await companion.socket.groupMetadata(group.jid)).toMatchObject({
    subject: 'Familia',
    desc: 'Los domingos',
    owner: `${friend.lid}@lid`,
    ownerPn: `${friend.number}@s.whatsapp.net`,
    addressingMode: 'lid',
    participants: [
      { id: `${friend.lid}@lid`, phoneNumber: `${friend.number}@s.whatsapp.net`, admin: 'superadmin' },
      { id: `${me.lid}@lid`, admin: null },
      { admin: 'admin' },
    ],
  })
  expect(Object.keys(await companion.socket.groupFetchAllParticipating())).toEqual([group.jid])
  const change = async (path: string, body: object) => {
    const from = stubs(companion).length
    await control.post(`/groups/${group.id}/${path}`, body)
    await companion.until(path, () => stubs(companion).length > from)
    return stubs(companion).at(-1)?.messageStubType
  }
  const members = (action: string, numbers: string[]) => change('members', { by: friend.number, action, numbers })
  const fourth = (await control.post<{ number: string }>('/phones', { contacts: [], history: [] })).number
  expect(await members('add', [fourth])).toBe(27)
  expect(await members('promote', [me.number])).toBe(29)
  expect(await members('demote', [me.number])).toBe(30)
  expect(await members('remove', [fourth])).toBe(28)
  expect(await change('subject', { by: third, subject: 'Amigos' })).toBe(21)
  expect(await change('leave', { number: third })).toBe(32)
  await companion.socket.groupLeave(group.jid)
  expect(await control.get<GroupView>(`/groups/${group.id}`)).toMatchObject({ members: [{ number: friend.number }] })
  await expect(companion.socket.groupMetadata(group.jid)).rejects.toMatchObject({ data: 404 })
  expect(await control.get('/unhandled')).toEqual({ unhandled: [] })
})

test('a group message that the companion could not read comes again, for it alone', async () => {
  await using world = await createWorldOfTwo('group-retry')
  const { companion, control, me, friend } = world
  const group = await groupOf(world, '12025550312')
  await control.post('/faults', { fault: 'corrupt_messages', number: me.number })
  await control.post(`/groups/${group.id}/say`, { from: friend.number, text: 'ilegible' })
  await has(companion, 'ilegible')
  await control.post(`/groups/${group.id}/say`, { from: friend.number, text: 'legible' })
  await has(companion, 'legible')
  expect(companion.texts()).toEqual(['ilegible', 'legible'])
})

test('settings and a picture of a group reach the companion as notifications, and are in its metadata', async () => {
  await using world = await createWorldOfTwo('group-settings')
  const { companion, control, me, friend } = world
  const { jid } = await control.post<{ jid: string }>('/groups', {
    by: friend.number,
    subject: 'Vecinos',
    members: [{ number: me.number }],
  })
  const set = (settings: object) => control.post(`/groups/${jid}/settings`, { by: friend.number, ...settings })
  const updates = () =>
    companion.events
      .flatMap((event) => (event.type === 'groups.update' ? event.data : []))
      .filter(({ id }) => id === jid)
  // One at a time: of two that are in its buffer Baileys tells the first only.
  await set({ only_admins_send: true })
  await companion.until('announce', () => updates().some(({ announce }) => announce === true))
  await set({ only_admins_edit: true })
  await companion.until('restrict', () => updates().some(({ restrict }) => restrict === true))
  await set({ disappearing_seconds: 86_400 })
  await control.post(`/groups/${jid}/picture`, { by: friend.number })
  await companion.when('picture', (event) =>
    event.type === 'contacts.update'
      ? event.data.find(({ id, imgUrl }) => id === jid && imgUrl === 'changed')
      : undefined,
  )
  expect(await companion.socket.groupMetadata(jid)).toMatchObject({
    announce: true,
    restrict: true,
    ephemeralDuration: 86_400,
  })
  await set({ only_admins_send: false })
  await companion.until('not announce', () => updates().some(({ announce }) => announce === false))
  expect(await control.get('/unhandled')).toEqual({ unhandled: [] })
})

test('an admin changes members, settings, picture and link by query; who is no admin, or no member, is refused', async () => {
  await using world = await createWorldOfTwo('group-queries')
  const { companion, control, me, friend, friendJid } = world
  const shy = { number: '12025550313' }
  await control.post('/phones', { ...shy, contacts: [], history: [] })
  await control.post(`/phones/${shy.number}/privacy`, { name: 'groupadd', value: 'none' })
  const { socket } = companion
  const { id: jid } = await socket.groupCreate('Obra', [friendJid.pn])
  const view = () => control.get<GroupView & Record<string, unknown>>(`/groups/${jid}`)
  const roles = async () => (await view()).members.map(({ number, role }) => [number, role])
  const statuses = async (action: 'add' | 'remove' | 'promote' | 'demote', jids: string[]) =>
    (await socket.groupParticipantsUpdate(jid, jids, action)).map(({ status }) => status)

  expect(await statuses('add', [`${shy.number}@s.whatsapp.net`, friendJid.pn, '1999@s.whatsapp.net'])).toEqual([
    '403',
    '409',
    '404',
  ])
  expect(await statuses('promote', [friendJid.pn])).toEqual(['200'])
  expect(await roles()).toEqual([
    [me.number, 'superadmin'],
    [friend.number, 'admin'],
  ])
  expect(await statuses('demote', [friendJid.pn])).toEqual(['200'])
  expect(await statuses('remove', [friendJid.lid])).toEqual(['200'])
  expect(await statuses('remove', [friendJid.lid])).toEqual(['404'])
  for (const setting of ['announcement', 'locked'] as const) await socket.groupSettingUpdate(jid, setting)
  await socket.groupMemberAddMode(jid, 'admin_add')
  await socket.groupJoinApprovalMode(jid, 'on')
  await socket.groupToggleEphemeral(jid, 86_400)
  expect(await socket.groupMetadata(jid)).toMatchObject({
    announce: true,
    restrict: true,
    memberAddMode: false,
    joinApprovalMode: true,
    ephemeralDuration: 86_400,
  })
  await socket.query({
    tag: 'iq',
    attrs: { to: 's.whatsapp.net', type: 'set', xmlns: 'w:profile:picture', target: jid },
    content: [{ tag: 'picture', attrs: { type: 'image' }, content: Buffer.from([0xff, 0xd8, 0xff]) }],
  })
  expect(await view()).toMatchObject({ only_admins_add: true, approval: true, picture_bytes: 3 })
  const code = await socket.groupInviteCode(jid)
  expect(await socket.groupInviteCode(jid)).toBe(code)
  const fresh = await socket.groupRevokeInvite(jid)
  expect(fresh).not.toBe(code)
  await expect(socket.groupAcceptInvite(code ?? '')).rejects.toMatchObject({ data: 406 })

  const theirs = await control.post<GroupView>('/groups', {
    by: friend.number,
    subject: 'Ajeno',
    members: [{ number: me.number }],
  })
  await expect(socket.groupSettingUpdate(theirs.jid, 'locked')).rejects.toMatchObject({ data: 403 })
  await expect(socket.groupRevokeInvite(theirs.jid)).rejects.toMatchObject({ data: 401 })
  await expect(socket.groupParticipantsUpdate(theirs.jid, [friendJid.pn], 'remove')).rejects.toMatchObject({
    data: 403,
  })
  const theirCode = await socket.groupInviteCode(theirs.jid)
  await socket.groupLeave(theirs.jid)
  await expect(socket.groupUpdateSubject(theirs.jid, 'x')).rejects.toMatchObject({ data: 404 })
  expect(await socket.groupAcceptInvite(theirCode ?? '')).toBe(theirs.jid)
  expect(await control.get('/unhandled')).toEqual({ unhandled: [] })
})
