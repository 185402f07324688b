import type { WACallEvent } from '@whiskeysockets/baileys'
import { isPersonJid, normalizeJid } from '#shared/ids.ts'
import type { InboundCall } from '#shared/inbound.ts'

/** A call that begins to ring or ends; null for what happens in between, and for calls of groups. Pure. */
export function readCall(call: WACallEvent): InboundCall | null {
  const chat = normalizeJid(call.from)
  const state = stateOf(call)
  if (!chat || !isPersonJid(chat) || !state || !call.id || call.isGroup) return null
  const alt = normalizeJid(call.callerPn)
  return {
    callId: call.id.slice(0, 128),
    chat,
    ...(alt && alt !== chat ? { chatAlt: alt } : {}),
    creator: call.from,
    state,
    video: call.isVideo === true,
    at: Math.floor(call.date.getTime() / 1000) || 0,
  }
}

function stateOf({ status, offline }: WACallEvent): InboundCall['state'] | null {
  switch (status) {
    case 'offer':
      // One that rang while the account was away rings no more.
      return offline ? 'missed' : 'ringing'
    case 'timeout':
    case 'terminate':
      return 'missed'
    case 'accept':
      return 'answered'
    case 'reject':
      return 'rejected'
    default:
      return null
  }
}
