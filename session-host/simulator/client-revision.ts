import type { proto } from '@whiskeysockets/baileys/WAProto/index.js'
import type { World } from './world.ts'

/** What `/sw.js` offers while nothing else is asked for: the revision that Baileys 7.0.0-rc14 has built in. */
const revision = 1_043_857_760

/** Whether the server no longer takes the client's version (2.3000.revision). */
export function isOutdated(world: World, payload: proto.ClientPayload): boolean {
  const fault = world.faults.get('outdated_client', '*')
  return fault?.revision !== undefined && Number(payload.userAgent?.appVersion?.tertiary ?? 0) < fault.revision
}

/** The part of WhatsApp Web's service worker that names the current revision, quoted inside a string as there. */
export function serviceWorker(world: World): string {
  const fault = world.faults.get('outdated_client', '*')
  const config = JSON.stringify({ client_revision: fault?.offered ?? fault?.revision ?? revision })
  return `self.config = JSON.parse(${JSON.stringify(config)})\n`
}
