import { z } from 'zod'

/** What can be made to go wrong, and what its fields mean. To add one: a line here and its use where it happens. */
export const faultTable = {
  hold_acks:
    'messages of this number’s companions are accepted and delivered, but neither acknowledged nor confirmed until `on:false`',
  drop_after_message:
    'the wire is cut right after the next `times` messages of a companion were accepted, before the acknowledgement',
  refuse_messages:
    'the next `times` messages of a companion are refused: acknowledgement with `error` (463, 479, …), nothing delivered',
  duplicate_stanzas: 'every message stanza for a companion is put on the wire twice, until `on:false`',
  corrupt_messages:
    'the next `times` messages that a phone encrypts for a companion of this number cannot be decrypted',
  forget_sessions:
    'the phone of this number forgets its Signal sessions now: the next message of a companion cannot be read by it',
  lose_prekeys: 'the server has only one pre-key left of each companion of this number, and says so',
  silence: 'the server reads but answers nothing on the open connections of this number’s companions, until `on:false`',
} as const

export type FaultName = keyof typeof faultTable

/** A request to `POST /faults`. */
export const faultSchema = z.object({
  fault: z.enum(Object.keys(faultTable) as [FaultName, ...FaultName[]]),
  number: z.string(),
  on: z.boolean().default(true),
  times: z.number().int().min(1).max(1_000_000).optional(),
  error: z.number().int().min(400).max(599).optional(),
})

export type FaultRequest = z.output<typeof faultSchema>

/** The faults that are set, by number. */
export interface Faults {
  set(request: FaultRequest): void
  /** Whether the fault is on, without using it up. */
  has(fault: FaultName, number: string): boolean
  /** Uses a counted fault once; undefined when it is not on. */
  take(fault: FaultName, number: string): FaultRequest | undefined
  list(): FaultRequest[]
  clear(): void
}

export function createFaults(): Faults {
  const active = new Map<string, FaultRequest>()
  const keyOf = (fault: FaultName, number: string): string => `${fault} ${number}`
  return {
    set(request) {
      const key = keyOf(request.fault, request.number)
      if (request.on) active.set(key, COUNTED.has(request.fault) ? { ...request, times: request.times ?? 1 } : request)
      else active.delete(key)
    },
    has: (fault, number) => active.has(keyOf(fault, number)),
    take(fault, number) {
      const key = keyOf(fault, number)
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

/** Faults that stop by themselves after `times` uses. */
const COUNTED: ReadonlySet<FaultName> = new Set(['drop_after_message', 'refuse_messages', 'corrupt_messages'])
