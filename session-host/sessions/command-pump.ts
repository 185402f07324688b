import type { ClaimedCommand } from '#shared/commands.ts'
import type { ErrorCode } from '#shared/errors.ts'
import type { CommandStore } from '../store/commands.ts'
import type { Projection } from '../store/projection.ts'
import type { Connection } from '../whatsapp/connection.ts'
import type { Logger } from '../whatsapp/logger.ts'

export interface CommandPumpOptions {
  commands: CommandStore
  projection: Projection
  /** The open connection, or null while there is none: nothing is claimed then. */
  connection: () => Connection | null
  /** WhatsApp's answer to a stanza is awaited this long, in ms, before it is sent again with the same id. */
  ackTimeoutMs: number
  onLogout: () => void
  /** Rows of this session changed. */
  onChange: () => void
  logger: Logger
}

/** Carries out a session's commands: each lane in order, different lanes at once. */
export interface CommandPump {
  /** There may be something to do. */
  wake(): void
  /** WhatsApp's server has answered a message stanza. */
  settle(waId: string, error: string | undefined): void
  /** The connection is gone: whatever waits for an answer goes back into the queue. */
  interrupt(): void
  stop(): Promise<void>
}

const inFlightLimit = 16
/**
 * Sends are tried this often before they fail for good. A connection that is lost while WhatsApp's answer is awaited counts as one try,
 * so that a message that ends every connection does not do so for ever; one that was lost before the stanza left does not count.
 */
const maxAttempts = 12

type Answer = { kind: 'acked' } | { kind: 'refused'; error: string } | { kind: 'timeout' } | { kind: 'interrupted' }

/** @see CommandPump */
export function createCommandPump(options: CommandPumpOptions): CommandPump {
  const { commands, projection, connection, logger } = options
  const waiting = new Map<string, (answer: Answer) => void>()
  const running = new Map<string, Promise<void>>()
  // A claim or its outcome was lost on the way from or to the database: the queue may hold claims that nobody carries out.
  let uncertain = false
  let pumping: Promise<void> | undefined
  let again = false
  let stopped = false
  let timer: NodeJS.Timeout | undefined

  function wake(): void {
    again = true
    if (stopped || pumping) return
    pumping = pump()
      .catch((error: unknown) => {
        uncertain = true
        logger.warn({ error: nameOf(error) }, 'commands could not be claimed')
        later(1_000)
      })
      .finally(() => {
        pumping = undefined
        if (again && !stopped && connection() && running.size < inFlightLimit) wake()
      })
  }

  async function pump(): Promise<void> {
    while (again && !stopped && connection() && running.size < inFlightLimit) {
      again = false
      if (uncertain) {
        await commands.releaseAll([...running.keys()])
        uncertain = false
      }
      const claimed = await commands.claim(inFlightLimit - running.size)
      for (const command of claimed) start(command)
      if (claimed.length === 0) {
        const seconds = await commands.secondsToNext()
        if (seconds !== null && seconds > 0) later(seconds * 1_000)
      }
    }
  }

  function start(command: ClaimedCommand): void {
    const run = carryOut(command)
      .catch(async (error: unknown) => {
        logger.warn({ command: command.id, kind: command.kind, error: nameOf(error) }, 'command failed, will retry')
        await giveBack(command, connection() !== null)
      })
      .catch(() => {
        uncertain = true
      })
      .finally(() => {
        running.delete(command.id)
        wake()
      })
    running.set(command.id, run)
  }

  async function giveBack(command: ClaimedCommand, counts: boolean): Promise<void> {
    if (stopped) return
    if (counts && command.attempts >= maxAttempts) await commands.failMessage(command, 'send_timeout')
    else await commands.retry(command, { delaySeconds: connection() ? Math.min(2 ** command.attempts, 60) : 0, counts })
    options.onChange()
  }

  async function carryOut(command: ClaimedCommand): Promise<void> {
    const open = connection()
    if (!open) return giveBack(command, false)
    switch (command.kind) {
      case 'send_message':
        return sendMessage(open, command)
      case 'start_conversation': {
        const found = await open.lookUp(command.payload.jid)
        if (!found) return end(command, 'not_on_whatsapp')
        const id = await projection.openConversation(found.jid, found.alt)
        await commands.finish(command, { conversation_id: id })
        return options.onChange()
      }
      case 'mark_read': {
        const keys = await commands.readKeys(command.payload.message_ids)
        if (keys.length > 0)
          await open.markRead(keys.map((key) => ({ chat: key.address, waId: key.wa_id, sender: key.sender_jid })))
        return commands.finish(command, {})
      }
      case 'logout':
        options.onLogout()
        return open.logout()
      default:
        return command satisfies never
    }
  }

  async function sendMessage(open: Connection, command: ClaimedCommand & { kind: 'send_message' }): Promise<void> {
    const message = await commands.readMessage(command.message_id)
    if (message?.status !== 'pending') return commands.finish(command, {})
    const answer = awaitAnswer(message.wa_id)
    const handOver = open.sendText({
      to: message.address,
      text: message.text,
      waId: message.wa_id,
      ...(message.quoted
        ? {
            quoted: {
              waId: message.quoted.wa_id,
              fromMe: message.quoted.from_me,
              text: message.quoted.text,
              sender: message.quoted.sender_jid,
            },
          }
        : {}),
    })
    // An answer that comes while the socket still works on it counts; a failed hand-over ends the waiting.
    await handOver.catch((error: unknown) => {
      answer.cancel()
      throw error
    })
    const { kind } = await answer.promise
    // An acknowledged message and its command are settled by the session, in order with what WhatsApp says next.
    if (kind === 'refused') await end(command, 'message_rejected')
    if (kind === 'timeout' || kind === 'interrupted') await giveBack(command, true)
  }

  async function end(command: ClaimedCommand, code: ErrorCode): Promise<void> {
    await commands.failMessage(command, code)
    options.onChange()
  }

  function awaitAnswer(waId: string): { promise: Promise<Answer>; cancel: () => void } {
    const { promise, resolve } = Promise.withResolvers<Answer>()
    const timeout = setTimeout(() => done({ kind: 'timeout' }), options.ackTimeoutMs)
    function done(answer: Answer): void {
      clearTimeout(timeout)
      // A later try of the same message may be waiting under the same id.
      if (waiting.get(waId) === done) waiting.delete(waId)
      resolve(answer)
    }
    waiting.set(waId, done)
    return { promise, cancel: () => done({ kind: 'interrupted' }) }
  }

  function later(ms: number): void {
    clearTimeout(timer)
    timer = setTimeout(wake, ms)
  }

  return {
    wake,
    settle(waId, error) {
      waiting.get(waId)?.(error === undefined ? { kind: 'acked' } : { kind: 'refused', error })
    },
    interrupt() {
      for (const done of waiting.values()) done({ kind: 'interrupted' })
    },
    async stop() {
      stopped = true
      clearTimeout(timer)
      for (const done of waiting.values()) done({ kind: 'interrupted' })
      await pumping
      await Promise.allSettled(running.values())
    },
  }
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : 'unknown'
}
