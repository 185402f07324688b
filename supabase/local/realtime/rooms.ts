import { randomUUID } from 'node:crypto'
import { encodeFrame, type Frame } from './frame.ts'

/** A channel that has joined a room. */
export interface Member {
  send(data: string | Buffer): void
  receivesBroadcasts: boolean
  receivesPresence: boolean
}

export type Presences = Record<string, { metas: Record<string, unknown>[] }>

/** Who is in which room. Private and public rooms of one name are two rooms, as on the platform. */
export interface Rooms {
  join(room: string, member: Member): void
  /** Leaves the room and its presence. */
  leave(room: string, member: Member): void
  /** Sends a broadcast to everybody but `except`. Throws `MalformedFrame` when a name is too long for its encoding. */
  broadcast(room: string, payload: unknown, except?: Member): void
  /** Shows a member's state to the room, under `key`; a second call replaces the first. */
  track(room: string, member: Member, key: string, state: object): void
  untrack(room: string, member: Member): void
  presences(room: string): Presences
}

/** The name of a room: its topic without `realtime:`, and whether it is private. */
export function roomName(topic: string, isPrivate: boolean): string {
  return `${isPrivate ? 'private' : 'public'}:${topic}`
}

interface Tracked {
  key: string
  meta: Record<string, unknown>
}

/** @see Rooms */
export function createRooms(): Rooms {
  const rooms = new Map<string, { members: Set<Member>; tracked: Map<Member, Tracked> }>()

  function tell(room: string, event: string, payload: unknown, to: (member: Member) => boolean): void {
    const members = [...(rooms.get(room)?.members ?? [])].filter(to)
    if (members.length === 0) return
    const topic = `realtime:${room.slice(room.indexOf(':') + 1)}`
    const frame: Frame = { joinRef: null, ref: null, topic, event, payload }
    const data = encodeFrame(frame)
    for (const member of members) member.send(data)
  }

  function tellPresence(room: string, joins: Tracked[], leaves: Tracked[]): void {
    const payload = { joins: group(joins), leaves: group(leaves) }
    tell(room, 'presence_diff', payload, (member) => member.receivesPresence)
  }

  function untrack(room: string, member: Member): void {
    const tracked = rooms.get(room)?.tracked
    const left = tracked?.get(member)
    if (!left) return
    tracked?.delete(member)
    tellPresence(room, [], [left])
  }

  return {
    join(room, member) {
      const found = rooms.get(room) ?? { members: new Set(), tracked: new Map() }
      rooms.set(room, found)
      found.members.add(member)
    },
    leave(room, member) {
      untrack(room, member)
      const found = rooms.get(room)
      found?.members.delete(member)
      if (found?.members.size === 0) rooms.delete(room)
    },
    broadcast(room, payload, except) {
      tell(room, 'broadcast', payload, (member) => member !== except && member.receivesBroadcasts)
    },
    track(room, member, key, state) {
      const tracked = rooms.get(room)?.tracked
      const before = tracked?.get(member)
      const previous = before ? { phx_ref_prev: before.meta['phx_ref'] } : {}
      const now = { key, meta: { ...state, phx_ref: randomUUID(), ...previous } }
      tracked?.set(member, now)
      tellPresence(room, [now], before ? [before] : [])
    },
    untrack,
    presences: (room) => group([...(rooms.get(room)?.tracked.values() ?? [])]),
  }
}

function group(tracked: Tracked[]): Presences {
  const groups: Presences = {}
  for (const { key, meta } of tracked) (groups[key] ??= { metas: [] }).metas.push(meta)
  return groups
}
