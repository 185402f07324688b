import { closeCode, createCompanion, type Companion, type CompanionOptions } from './companion.ts'
import type { Control } from './control.ts'

/** A companion that is linked to the phone, logged in, and has got its history. */
export async function linkedCompanion(
  webSocketUrl: string,
  control: Control,
  number: string,
  options: CompanionOptions = {},
): Promise<Companion> {
  const companion = createCompanion(webSocketUrl, options)
  await control.post(`/phones/${number}/scan`, { qr: await qrOf(companion) })
  await companion.when('515', (event) => (closeCode(event) === 515 ? true : undefined))
  const from = companion.events.length
  await companion.reconnect()
  // The event buffer of a first login is released when history and settings are in.
  await companion.when(
    'synced',
    (event) => (event.type === 'creds.update' && event.data.accountSyncCounter ? true : undefined),
    from,
  )
  await queueEmpty(control, number)
  return companion
}

/** Resolves when the phone's companions have answered everything that was sent to them. */
export function queueEmpty(control: Control, number: string): Promise<true> {
  return control.until(async () => {
    const { devices } = await control.get<{ devices: { queued: number }[] }>(`/phones/${number}`)
    return devices.every((device) => device.queued === 0) ? true : undefined
  })
}

/** The text of the first QR code it shows. */
export function qrOf(companion: Companion): Promise<string> {
  return companion.when('qr', (event) => (event.type === 'connection.update' ? event.data.qr : undefined))
}
