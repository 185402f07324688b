import { expect, test } from 'vitest'
import { readClose, Unanswered, UpgradeRefused } from './close.ts'

function boom(message: string, statusCode: number, data?: unknown): Error {
  return Object.assign(new Error(message), { output: { statusCode }, data })
}

test.for([
  [boom('Stream Errored (conflict)', 440, { attrs: { type: 'replaced' } }), { code: 440, by: 'whatsapp' }],
  [boom('Stream Errored (conflict)', 440, { attrs: { type: 'device_removed' } }), { code: 401, by: 'whatsapp' }],
  [boom('Stream Errored (conflict)', 401, { attrs: { type: 'device_removed' } }), { code: 401, by: 'whatsapp' }],
  [
    boom('Connection Failure', 402, { reason: '402', expire: '3600' }),
    { code: 402, by: 'whatsapp', expiresInSeconds: 3600 },
  ],
  [boom('Connection Terminated by Server', 428), { code: 428, by: 'whatsapp' }],
  [boom('Connection Terminated', 428), { code: 428, by: 'network' }],
  [boom('Connection was lost', 408), { code: 408, by: 'network' }],
  [boom('WebSocket Error (Unexpected server response: 401)', 401), { code: 401, by: 'upgrade' }],
  [new UpgradeRefused(403), { code: 403, by: 'upgrade' }],
  [new Unanswered(), { code: 408, by: 'network' }],
  [boom('QR refs attempts ended', 408), { code: 408, by: 'qr' }],
  [undefined, { code: undefined, by: 'host' }],
] as const)('%s', ([error, close]) => {
  expect(readClose(error)).toEqual(close)
})
