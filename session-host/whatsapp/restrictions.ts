import type { BaileysEventMap } from '@whiskeysockets/baileys'
import type { Restriction } from '#shared/session.ts'

/** What WhatsApp restricts, until when if it told; null says that nothing of this kind is restricted any more. */
export interface RestrictionNews {
  kind: Restriction
  active: boolean
  until: Date | null
}

/** What a batch of Baileys' events says about restrictions of the account. */
export function readRestrictions(events: Partial<BaileysEventMap>): RestrictionNews[] {
  const news: RestrictionNews[] = []
  const lock = events['connection.update']?.reachoutTimeLock
  if (lock)
    news.push({
      kind: 'reachout_timelock',
      active: lock.isActive === true,
      until: lock.isActive ? (lock.timeEnforcementEnds ?? null) : null,
    })
  const cap = events['message-capping.update']
  if (cap) {
    const ends = Number(cap.cycle_end_timestamp)
    const active = String(cap.capping_status) === 'CAPPED'
    news.push({ kind: 'message_cap', active, until: active && ends > 0 ? new Date(ends * 1_000) : null })
  }
  return news
}
