import { z } from 'zod'

/** What can be made to go wrong, and what its fields mean. To add one: a line here and its use where it happens. */
export const faultTable = {
  hold_acks:
    'messages of this number’s companions are accepted and delivered, but neither acknowledged nor confirmed until `on:false`',
  drop_after_message:
    'the wire is cut right after the next `times` messages of a companion were accepted, before the acknowledgement (`drop_at` with step `before_ack`)',
  drop_at:
    'the wire is cut the next `times` times at a `step`: `before_accept` (a companion’s message came, nothing was done), `before_ack` (accepted and delivered, not acknowledged), `after_ack`, `after_delivery` (a message for the companion is on the wire), `at_receipt` (the companion has read a message; its receipt is not taken)',
  refuse_messages:
    'the next `times` messages of a companion are refused with `error` (463, 479, 429, …); nothing is delivered',
  rate_overlimit:
    'queries of this number’s companions are answered with error 429 `rate-overlimit`, only those of `xmlns` if given, `times` times or until `on:false`',
  duplicate_stanzas: 'every message stanza for a companion is put on the wire twice, until `on:false`',
  delay_stanzas: 'every message stanza for a companion is put on the wire `delay_ms` later, until `on:false`',
  reorder_stanzas:
    'of each two message stanzas for a companion the second goes first, until `on:false`; what waits for its second then goes out',
  lose_receipts:
    'the next `times` receipts and refusals of a companion for messages are lost: the stanza stays queued and comes again at the next login',
  redeliver_messages: 'the next `times` messages that a companion has answered are put on the wire once more',
  corrupt_messages:
    'the next `times` messages that a phone encrypts for a companion of this number cannot be decrypted: wrong MAC',
  unknown_session:
    'the next `times` messages that a phone encrypts for a companion of this number are of a Signal session that the companion does not have',
  malformed_messages:
    'the next `times` messages that a phone encrypts for a companion of this number can be decrypted, but are no protobuf',
  forget_sessions:
    'the phone of this number forgets its Signal sessions now: the next message of a companion cannot be read by it',
  lose_prekeys: 'the server has only one pre-key left of each companion of this number, and says so',
  silence: 'the server reads but answers nothing on the open connections of this number’s companions, until `on:false`',
  half_open:
    'the server neither reads nor answers on the open connections of this number’s companions, while TCP stays up, until `on:false`',
  bad_frame: 'the open connections of this number’s companions get a frame now whose Noise MAC is wrong',
  undecodable_stanza: 'the open connections of this number’s companions get a frame now that is no stanza',
  oversized_frame:
    'the open connections of this number’s companions get an unknown stanza of `bytes` (default 16 MB) now',
  refuse_uploads:
    'the next `times` files that a companion uploads, whoever it is (no `number`), are refused with HTTP `status` (default 503)',
  refuse_downloads:
    'the next `times` downloads of history, whoever asks (no `number`), are answered with HTTP `status` (default 503; 404 and 410: it is gone)',
  damage_downloads:
    'of the next `times` files of history that are downloaded, whoever asks (no `number`), one byte is wrong',
  refuse_upgrades:
    'the next `times` WebSocket upgrades, whoever asks (no `number`), are answered with HTTP `status` (default 503)',
  outdated_client:
    'clients, whoever they are (no `number`), below WhatsApp Web `revision` are refused with 405 until `on:false`; `/sw.js` offers `offered` (default `revision`)',
  not_on_whatsapp: 'the account of this number is gone: queries say that it is not on WhatsApp, until `on:false`',
  reachout_timelock:
    'WhatsApp restricts this number for `seconds` (default 3600), and says so: first messages to people whom its phone has no chat with are refused with 463, until `on:false`',
  message_cap:
    'the companions of this number are told that it has used up its messages to new people; with `on:false` that it may write again',
} as const

export type FaultName = keyof typeof faultTable

export const DROP_STEPS = ['before_accept', 'before_ack', 'after_ack', 'after_delivery', 'at_receipt'] as const

export type DropStep = (typeof DROP_STEPS)[number]

/** A request to `POST /faults`. */
export const faultSchema = z.strictObject({
  fault: z.enum(Object.keys(faultTable) as [FaultName, ...FaultName[]]),
  number: z.string().default('*'),
  on: z.boolean().default(true),
  times: z.number().int().min(1).max(1_000_000).optional(),
  error: z.number().int().min(400).max(599).optional(),
  step: z.enum(DROP_STEPS).optional(),
  xmlns: z.string().min(1).optional(),
  delay_ms: z.number().int().min(1).max(600_000).optional(),
  bytes: z.number().int().min(1).max(16_777_000).optional(),
  status: z.number().int().min(400).max(599).optional(),
  revision: z.number().int().min(1).max(4_294_967_295).optional(),
  offered: z.number().int().min(1).max(4_294_967_295).optional(),
  seconds: z.number().int().min(1).max(31_536_000).optional(),
})

export type FaultRequest = z.output<typeof faultSchema>

/** The faults that are set, by number; one of each kind, of `drop_at` one per step. */
export interface Faults {
  set(request: FaultRequest): void
  /** The fault, if it is on, without using it up. */
  get(fault: FaultName, number: string): FaultRequest | undefined
  /** Uses a counted fault once; undefined when it is not on. */
  take(fault: FaultName, number: string, step?: DropStep): FaultRequest | undefined
  list(): FaultRequest[]
  clear(): void
}

export function createFaults(): Faults {
  const active = new Map<string, FaultRequest>()
  const keyOf = (fault: FaultName, number: string, step = ''): string => `${fault} ${number} ${step}`
  return {
    set(request) {
      const key = keyOf(request.fault, request.number, request.step)
      if (request.on) active.set(key, COUNTED.has(request.fault) ? { ...request, times: request.times ?? 1 } : request)
      else active.delete(key)
    },
    get: (fault, number) => active.get(keyOf(fault, number)),
    take(fault, number, step) {
      const key = keyOf(fault, number, step)
      const request = active.get(key)
      if (request?.times === undefined) return request
      if (request.times <= 1) active.delete(key)
      else active.set(key, { ...request, times: request.times - 1 })
      return request
    },
    list: () => [...active.values()],
    clear: () => active.clear(),
  }
}

/** Faults that stop by themselves after `times` uses, once by default. */
const COUNTED: ReadonlySet<FaultName> = new Set([
  'drop_after_message',
  'drop_at',
  'refuse_messages',
  'lose_receipts',
  'redeliver_messages',
  'corrupt_messages',
  'unknown_session',
  'malformed_messages',
  'refuse_uploads',
  'refuse_downloads',
  'damage_downloads',
  'refuse_upgrades',
])
