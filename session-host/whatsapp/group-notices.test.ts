import type { BinaryNode } from '@whiskeysockets/baileys'
import { expect, test } from 'vitest'
import { readGroupNotification } from './group-notices.ts'

const self = { phone: '34600000001@s.whatsapp.net', lid: '200000000000001@lid' }
const bea = '200000000000002@lid'
const eva = '200000000000003@lid'
const group = '1203630000000-1500000000@g.us'
const node = (tag: string, attrs: Record<string, string> = {}, content?: BinaryNode['content']): BinaryNode => ({
  tag,
  attrs,
  ...(content === undefined ? {} : { content }),
})
const who = (...jids: string[]): BinaryNode[] => jids.map((jid) => node('participant', { jid }))
const told = (change: BinaryNode | BinaryNode[], attrs: Record<string, string> = {}) =>
  readGroupNotification(
    node(
      'notification',
      { from: group, type: 'w:gp2', id: 'N1', t: '1700000000', participant: `${bea.replace('@', ':3@')}`, ...attrs },
      Array.isArray(change) ? change : [change],
    ),
    self,
  )

test.for([
  [node('add', {}, who(eva)), 'group_added', { participants: [eva] }],
  [node('add', {}, who(bea)), 'group_joined', { participants: [bea] }],
  [node('remove', {}, who(eva)), 'group_removed', { participants: [eva] }],
  [node('remove', {}, who(bea)), 'group_left', { participants: [bea] }],
  [node('leave', {}, who(bea)), 'group_left', { participants: [bea] }],
  [node('promote', {}, who(eva)), 'group_promoted', { participants: [eva] }],
  [node('demote', {}, who(eva)), 'group_demoted', { participants: [eva] }],
  [node('subject', { subject: 'Portal 3' }), 'group_subject', { value: 'Portal 3' }],
  [node('description', {}, [node('body', {}, Buffer.from('¡Hola!'))]), 'group_description', { value: '¡Hola!' }],
  [node('description', { delete: 'true' }), 'group_description', { value: null }],
  [node('announcement'), 'group_only_admins_send', { value: 'on' }],
  [node('not_announcement'), 'group_only_admins_send', { value: 'off' }],
  [node('locked'), 'group_only_admins_edit', { value: 'on' }],
  [node('unlocked'), 'group_only_admins_edit', { value: 'off' }],
  [node('member_add_mode', {}, Buffer.from('all_member_add')), 'group_all_may_add', { value: 'on' }],
  [node('membership_approval_mode', {}, [node('group_join', { state: 'on' })]), 'group_approval', { value: 'on' }],
  [node('invite', { code: 'secret' }), 'group_link', {}],
] as const)('%o is a notice of kind %s', ([change, kind, facts]) => {
  expect(told(change)?.messages).toEqual([
    {
      chat: group,
      waId: 'N1',
      fromMe: false,
      sender: bea,
      at: 1_700_000_000,
      type: 'notice',
      text: null,
      content: { notice: { kind, ...facts, by: bea } },
      status: 'read',
      live: true,
    },
  ])
})

test('a picture that was set or taken away is one, too, and says by whom', () => {
  const set = told(node('set', { jid: group, id: '1', author: eva }), { type: 'picture', participant: '' })
  expect(set?.messages).toMatchObject([
    { sender: eva, content: { notice: { kind: 'group_picture', value: 'on', by: eva } } },
  ])
})

test.for([
  ['add', 'member'],
  ['promote', 'admin'],
  ['demote', 'member'],
  ['remove', null],
] as const)('after %s a participant is %s', ([tag, role]) => {
  expect(told(node(tag, {}, who(eva)))?.chats).toEqual([{ jid: group, group: { changed: [{ jid: eva, role }] } }])
})

test('a new group has its facts and all participants; what the account itself did is by me', () => {
  const batch = told(
    node('create', {}, [
      node('group', { subject: 'Vecinos', creator: self.lid, creation: '1600000000' }, [
        node('participant', { jid: self.lid, phone_number: self.phone, type: 'superadmin' }),
        ...who(bea),
        node('locked'),
      ]),
    ]),
    { participant: self.lid },
  )
  expect(batch?.messages[0]?.content).toEqual({ notice: { kind: 'group_created', value: 'Vecinos', by_me: true } })
  expect(batch?.chats[0]).toMatchObject({
    jid: group,
    name: 'Vecinos',
    group: {
      facts: { owner_jid: self.lid, only_admins_edit: true, only_admins_send: false },
      participants: [
        { jid: self.lid, role: 'superadmin' },
        { jid: bea, role: 'member' },
      ],
    },
  })
  expect(batch?.people).toContainEqual({ jid: self.lid, alt: self.phone })
})

test('who removes the account leaves it outside, who adds it brings it back', () => {
  expect(told(node('remove', {}, who(self.phone)))?.chats.at(-1)?.group?.facts).toEqual({
    left_at: '2023-11-14T22:13:20.000Z',
  })
  expect(told(node('add', {}, who(self.lid)))?.chats.at(-1)?.group?.facts).toEqual({ left_at: null })
})

test('several changes in one notification are a notice each, the same ones when it comes again', () => {
  const both = [node('subject', { subject: 'A' }), node('locked')]
  expect(told(both)?.messages.map((message) => message.waId)).toEqual(['N1', 'N1-1'])
  expect(told(both)).toEqual(told(both))
})

test('other notifications, unknown changes and nonsense say nothing', () => {
  expect(told(node('what_comes_next'))).toBeNull()
  expect(told(node('subject', { subject: 'A' }), { type: 'encrypt' })).toBeNull()
  expect(told(node('subject', { subject: 'A' }), { from: bea })).toBeNull()
  expect(told(node('subject', { subject: 'A' }), { id: '' })).toBeNull()
  expect(told([])).toBeNull()
})
