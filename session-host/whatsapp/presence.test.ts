import { expect, test } from 'vitest'
import { readPresence } from './presence.ts'

const bea = '34600000002@s.whatsapp.net'
const group = '1203630000000-1500000000@g.us'

test('who is online, types or records in a chat, and who of a group', () => {
  expect(readPresence({ id: bea, presences: { [bea]: { lastKnownPresence: 'composing' } } })).toEqual([
    { chat: bea, participant: null, state: 'composing', lastSeen: null },
  ])
  const left = { lastKnownPresence: 'unavailable' as const, lastSeen: 1_700_000_000 }
  expect(readPresence({ id: bea, presences: { [bea]: left } })).toEqual([
    { chat: bea, participant: null, state: 'unavailable', lastSeen: 1_700_000_000 },
  ])
  const recording = { '200000000000003:2@lid': { lastKnownPresence: 'recording' as const } }
  expect(readPresence({ id: group, presences: recording })).toEqual([
    { chat: group, participant: '200000000000003@lid', state: 'recording', lastSeen: null },
  ])
})

test('somebody who stopped typing is there, and nobody is nobody', () => {
  expect(readPresence({ id: bea, presences: { [bea]: { lastKnownPresence: 'paused' } } })).toMatchObject([
    { state: 'available' },
  ])
  expect(readPresence({ id: 'nonsense', presences: { x: { lastKnownPresence: 'available' } } })).toEqual([])
  expect(readPresence({ id: group, presences: { nonsense: { lastKnownPresence: 'available' } } })).toEqual([])
})
