import { enqueue } from './delivery-queue.ts'
import { addContact } from './person.ts'
import { reachPhone } from './phone-inbox.ts'
import { recordMessage, textContent } from './phone-record.ts'
import { encryptForCompanion } from './phone-send.ts'
import { markSessionAnswered } from './phone-signal.ts'
import type { Stanza } from './stanza.ts'
import type { Addressing, Device, Person } from './state.ts'
import { findPerson, messageId, seconds, type World } from './world.ts'

/** What a load is to be. */
export interface LoadPlan {
  /** The phones whose companions get the messages. */
  accounts: Person[]
  /** How many people write to each of them. */
  contacts: number
  /** How many messages in all, and how many of them a second; the schedule does not wait for answers (open loop). */
  messages: number
  rate: number
  /** 0…1: conversations whose Signal session counts as answered, so that their messages are `msg`, not `pkmsg`. */
  twoWay: number
  /** Encrypt everything before the first message is due. */
  prepare: boolean
  /** Length of the texts, at least that of their mark. */
  length: number
  addressed: Addressing
}

/** One message of a load; times in milliseconds since 1970, with fractions. */
export interface LoadMessage {
  id: string
  text: string
  account: string
  contact: string
  /** 1, 2, 3 … in its conversation; 0 opened a two-way one and is not measured. */
  sequence: number
  scheduledAt: number | null
  sentAt: number | null
  /** When the first companion of the account confirmed it. */
  receiptAt: number | null
}

export interface Load extends Disposable {
  readonly id: string
  readonly state: LoadState
  readonly plan: LoadPlan
  readonly messages: readonly LoadMessage[]
  /** What went wrong, when the state is `failed`. */
  readonly error: string | undefined
  start(): void
}

/** `finished`: everything was sent; the receipts may still be coming. */
export type LoadState = 'preparing' | 'ready' | 'running' | 'finished' | 'stopped' | 'failed'

/**
 * An open-loop load of texts from phones to companions: message `n` is due at `start + n / rate`, whatever happened to those before. Its latency
 * counts from when it was due. Text: `<load>/<account>/<contact>/<sequence>` and padding, so that whoever reads it knows what is missing.
 */
export function createLoad(world: World, id: string, plan: LoadPlan, autoStart: boolean): Load {
  let state: LoadState = 'preparing'
  let failure: string | undefined
  let timer: NodeJS.Timeout | undefined
  const conversations = plan.accounts.flatMap((account) =>
    Array.from({ length: plan.contacts }, (_, index) => conversation(world, account, index)),
  )
  const messages: LoadMessage[] = []
  const byId = new Map<string, LoadMessage>()
  const prepared = new Map<string, Promise<Prepared[]>>()
  const answered = new Map<string, () => void>()
  const stopListening = world.events.subscribe(undefined, (event) => {
    if (event.type !== 'receipt.device' || !Array.isArray(event.message_ids)) return
    for (const each of event.message_ids as string[]) {
      const message = byId.get(each)
      if (!message) continue
      message.receiptAt ??= now()
      answered.get(each)?.()
    }
  })
  void prepare().catch(fail)

  async function prepare(): Promise<void> {
    const twoWay = conversations.slice(0, Math.round(conversations.length * plan.twoWay))
    await Promise.all(twoWay.map(openConversation))
    for (let index = 0; index < plan.messages; index++) {
      const { account, contact } = conversationOf(index)
      const message = note(account, contact, 1 + Math.floor(index / conversations.length))
      if (!plan.prepare) continue
      prepared.set(message.id, Promise.resolve(await encrypted(account, contact, message)))
      if (state === 'stopped') return
    }
    become('ready')
    if (autoStart) start()
  }

  function conversationOf(index: number): { account: Person; contact: Person } {
    const found = conversations[index % conversations.length]
    if (!found) throw new Error('a load without conversations')
    return found
  }

  /** Has the first message of a conversation confirmed by every companion, then takes its session for answered. */
  async function openConversation({ account, contact }: { account: Person; contact: Person }): Promise<void> {
    const message = note(account, contact, 0)
    const confirmed = new Promise<void>((resolve) => answered.set(message.id, resolve))
    await deliver(account, contact, message, await encrypted(account, contact, message))
    if (account.devices.length > 0) await confirmed
    answered.delete(message.id)
    for (const device of account.devices) markSessionAnswered(world, contact, { person: account, device })
  }

  function note(account: Person, contact: Person, sequence: number): LoadMessage {
    const mark = `${id}/${account.number}/${contact.number}/${sequence}`
    const message: LoadMessage = {
      id: messageId(world),
      text: mark.length < plan.length ? `${mark} `.padEnd(plan.length, '.') : mark,
      account: account.number,
      contact: contact.number,
      sequence,
      scheduledAt: null,
      sentAt: null,
      receiptAt: null,
    }
    messages.push(message)
    byId.set(message.id, message)
    return message
  }

  function encrypted(account: Person, contact: Person, message: LoadMessage): Promise<Prepared[]> {
    const outgoing = {
      id: message.id,
      at: seconds(),
      addressed: plan.addressed,
      content: textContent(message.text),
    }
    return Promise.all(
      account.devices.map(async (device) => ({
        device,
        stanza: await encryptForCompanion(world, contact, { person: account, device }, outgoing),
      })),
    )
  }

  async function deliver(account: Person, contact: Person, message: LoadMessage, parts: Prepared[]): Promise<void> {
    const content = textContent(message.text)
    const common = { id: message.id, at: seconds(), addressed: plan.addressed, content }
    recordMessage(world, contact, { ...common, with: account.number, fromMe: true, via: 'phone' })
    message.sentAt = now()
    for (const { device, stanza } of parts) enqueue(world, account, device, stanza)
    await reachPhone(world, account, { ...common, kind: 'plain', from: contact.number })
  }

  function start(): void {
    if (state !== 'ready') return
    become('running')
    const began = now()
    const measured = messages.filter((each) => each.sequence > 0)
    const sending: Promise<void>[] = []
    let next = 0
    const tick = (): void => {
      for (; next < measured.length; next++) {
        const message = measured[next]
        const due = began + (next * 1000) / plan.rate
        if (!message || state !== 'running') return
        if (due > now()) {
          timer = setTimeout(tick, due - now())
          return
        }
        message.scheduledAt = due
        sending.push(send(message))
      }
      void Promise.all(sending).then(() => become('finished'), fail)
    }
    tick()
  }

  async function send(message: LoadMessage): Promise<void> {
    const account = findPerson(world, message.account)
    const contact = findPerson(world, message.contact)
    if (!account || !contact) return
    const parts = await (prepared.get(message.id) ?? encrypted(account, contact, message))
    prepared.delete(message.id)
    await deliver(account, contact, message, parts)
  }

  function become(next: LoadState): void {
    if (state === 'stopped' || state === 'failed') return
    state = next
    world.events.publish('load.changed', '', { load: id, state })
  }

  function fail(error: unknown): void {
    failure = error instanceof Error ? error.message : String(error)
    world.report(error)
    become('failed')
  }

  return {
    id,
    plan,
    messages,
    start,
    get state() {
      return state
    },
    get error() {
      return failure
    },
    [Symbol.dispose]() {
      clearTimeout(timer)
      if (state !== 'finished') become('stopped')
      stopListening()
    },
  }
}

interface Prepared {
  device: Device
  stanza: Stanza
}

/** Contact `index` of an account under load: the same numbers again for every load. */
function conversation(world: World, account: Person, index: number): { account: Person; contact: Person } {
  const number = `${LOAD_PREFIX}${account.number.slice(-5)}${String(index).padStart(4, '0')}`
  addContact(world, account, { number, name: `Load ${index + 1}` })
  const contact = findPerson(world, number)
  if (!contact) throw new Error('no contact')
  return { account, contact }
}

/** +888 is assigned to no country. */
const LOAD_PREFIX = '888'

/** The clock that schedules go by: monotonic, and in milliseconds since 1970. */
function now(): number {
  return performance.timeOrigin + performance.now()
}
