import { createSimulator, type Simulator } from '../simulator.ts'
import type { Companion, CompanionOptions } from './companion.ts'
import { createControl, type Control, type ShownMessage } from './control.ts'
import { linkedCompanion } from './linked-companion.ts'

/** A simulator with one phone that has a companion, and one contact of it. */
export interface WorldOfTwo extends AsyncDisposable {
  simulator: Simulator
  control: Control
  companion: Companion
  me: { number: string; lid: string }
  friend: { number: string; lid: string }
  /** The friend's JID in either form. */
  friendJid: { pn: string; lid: string }
  /** What a phone shows of the chat with the other one. */
  shown(number: string, other: string): Promise<ShownMessage[]>
  /** Resolves when the phone shows something that fits. */
  whenShown(number: string, other: string, fits: (message: ShownMessage) => boolean): Promise<ShownMessage>
}

export async function createWorldOfTwo(
  seed: string,
  options: CompanionOptions & {
    receiptDelayMs?: number
    /** Files come from the simulator. */
    media?: boolean
    /** What happens on the phone before its companion is linked. */
    before?: (control: Control, number: string, other: string) => Promise<void>
  } = {},
): Promise<WorldOfTwo> {
  const simulator = await createSimulator({
    port: 0,
    seed,
    ...(options.receiptDelayMs !== undefined && { receiptDelayMs: options.receiptDelayMs }),
  })
  const control = createControl(simulator.url)
  const me = { number: '12025550300', lid: '200000000000300' }
  const friend = { number: '34600000301', lid: '200000000000301' }
  const contact = { ...friend, name: 'Lucía Gómez', push_name: 'Lucía' }
  await control.post('/phones', { ...me, name: 'Tienda', contacts: [contact], history: [] })
  await options.before?.(control, me.number, friend.number)
  const companion = await linkedCompanion(simulator.webSocketUrl, control, me.number, {
    ...options,
    ...(options.media && { mediaUrl: simulator.url }),
  })
  const shown = async (number: string, other: string): Promise<ShownMessage[]> =>
    (await control.get<{ messages: ShownMessage[] }>(`/phones/${number}/messages?with=${other}`)).messages
  return {
    simulator,
    control,
    companion,
    me,
    friend,
    friendJid: { pn: `${friend.number}@s.whatsapp.net`, lid: `${friend.lid}@lid` },
    shown,
    whenShown: (number, other, fits) => control.until(async () => (await shown(number, other)).find(fits)),
    async [Symbol.asyncDispose]() {
      await companion[Symbol.asyncDispose]()
      await simulator[Symbol.asyncDispose]()
    },
  }
}
