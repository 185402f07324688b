import { enqueue } from './delivery-queue.ts'
import { jidOf } from './jid.ts'
import { acquaintances } from './notify.ts'
import { stanza } from './stanza.ts'
import type { Device, Person } from './state.ts'
import { messageId, seconds, type World } from './world.ts'

/**
 * Tells the companions of everybody who knows the person that devices were added or removed, so that they don't go by an old list
 * (`<notification type="devices">`, read by Baileys `handleDevicesNotification`).
 */
export function announceDevices(world: World, person: Person, change: 'add' | 'remove', devices: Device[]): void {
  const content = devices.map((device) =>
    stanza('device', {
      jid: jidOf(person, 'pn', device.id),
      lid: jidOf(person, 'lid', device.id),
      'key-index': device.keyIndex,
    }),
  )
  for (const other of acquaintances(world, person)) {
    for (const target of other.devices) {
      if (devices.includes(target)) continue
      for (const form of ['pn', 'lid'] as const) {
        const list = content.map((each) =>
          stanza('device', {
            jid: form === 'pn' ? each.attrs.jid : each.attrs.lid,
            'key-index': each.attrs['key-index'],
          }),
        )
        const attributes = { from: jidOf(person, form), type: 'devices', id: messageId(world), t: seconds() }
        enqueue(world, other, target, stanza('notification', attributes, [stanza(change, {}, list)]))
      }
    }
  }
}
