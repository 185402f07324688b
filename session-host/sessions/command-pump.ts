import { setTimeout as pause } from 'node:timers/promises'
import type { ClaimedWork } from '../store/claimer.ts'
import type { CommandStore } from '../store/commands.ts'
import type { Projection } from '../store/projection.ts'
import type { Connection } from '../whatsapp/connection-options.ts'
import type { Logger } from '../whatsapp/logger.ts'
import { carryOut } from './carry-out.ts'
import type { SendRules } from './send-rules.ts'
import type { SessionMedia } from './session-media.ts'
import { createAnswers } from './answers.ts'

export interface CommandPumpOptions {
  commands: CommandStore
  projection: Projection
  /** The open connection, or null while there is none: nothing is claimed then. */
  connection: () => Connection | null
  /** WhatsApp's answer to a stanza is awaited this long, in ms, before it is sent again with the same id. */
  ackTimeoutMs: number
  /** null where no file can be kept. */
  media: SessionMedia | null
  rules: SendRules
  onLogout: () => void
  /** Rows of this session changed. */
  onChange: () => void
  /** It was woken, and there was no command to carry out. */
  onNoCommand: () => void
  logger: Logger
}

/**
 * Carries out a session's commands: each lane in order, different lanes at once. Messages of a conversation leave one after another, and
 * the next one need not wait for the server's answer to the last: what one connection is given arrives in its order. When one can't leave,
 * those behind it go back into the queue.
 */
export interface CommandPump {
  /** There may be something to do. */
  wake(): void
  /** WhatsApp's server has answered a message stanza. */
  settle(waId: string, error: string | undefined): void
  /** The connection is gone: whatever waits for an answer goes back into the queue. */
  interrupt(): void
  stop(): Promise<void>
}

const inFlightLimit = 32
/** Messages of a conversation that are under way at once. */
const depthOfLane = 8
/**
 * Sends are tried this often before they fail for good. A connection that is lost while WhatsApp's answer is awaited counts as one try,
 * so that a message that ends every connection does not do so for ever; one that was lost before the stanza left does not count.
 */
const maxAttempts = 12

/** What is under way may end by itself for so long when the session stops, in ms. */
const stopMs = 5_000

/** How long what is asked for gathers meanwhile, in ms. */
const gatherMs = 20

/** @see CommandPump */
export function createCommandPump(options: CommandPumpOptions): CommandPump {
  const { commands, projection, connection, logger } = options
  const answers = createAnswers(options.ackTimeoutMs)
  const running = new Map<string, Promise<void>>()
  // The queue may hold claims that nobody carries out: of before this connection, or because a claim or its outcome was lost on its way.
  let uncertain = true
  // Claimed, and for a newer host to carry out.
  const unknown = new Set<string>()
  let pumping: Promise<void> | undefined
  let again = false
  let wasAsked = false
  // Something is due that waits for what is under way.
  let isBehind = false
  let stopped = false
  let timer: NodeJS.Timeout | undefined
  let gathering: NodeJS.Timeout | undefined
  let waking: NodeJS.Immediate | undefined

  /** Something was asked for. While the session is at work anyway, what comes at once is claimed at once. */
  function asked(): void {
    wasAsked = true
    if (running.size === 0) wake()
    else gathering ??= setTimeout(wake, gatherMs)
  }

  function wake(): void {
    clearTimeout(gathering)
    gathering = undefined
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
        // First: a connection that ends meanwhile makes it so again.
        uncertain = false
        await commands.releaseAll([...running.keys(), ...unknown])
      }
      const isAnswer = wasAsked
      wasAsked = false
      const depth = options.rules.pacing.isOn ? 1 : depthOfLane
      const held = running.size + unknown.size
      const claim = await commands.claim(inFlightLimit - running.size, depth)
      isBehind = claim.isBehind
      for (const id of claim.unknown) unknown.add(id)
      if (claim.unknown.length > 0) logger.warn({ count: claim.unknown.length }, 'commands of a kind unknown here')
      // More than anybody carries out: a claim whose answer was lost was made after all.
      if (claim.held > held + claim.commands.length + claim.unknown.length) uncertain = true
      if (isAnswer && claim.commands.length === 0) options.onNoCommand()
      for (const run of Map.groupBy(claim.commands, ({ lane }) => lane).values()) start(run)
      if (uncertain) later(1_000)
      else if (claim.secondsToNext !== null) later(claim.secondsToNext * 1_000)
    }
  }

  /** Carries out what was claimed of a lane, in order. */
  function start(run: ClaimedWork[]): void {
    let isFree = Promise.resolve(true)
    for (const command of run) {
      const { promise: hasLeft, resolve: leave } = Promise.withResolvers<boolean>()
      const turn = isFree
        .then((free) => (free ? attempt(command, leave) : release(command)))
        .catch(async (error: unknown) => {
          logger.warn({ command: command.id, kind: command.kind, error: nameOf(error) }, 'command failed, will retry')
          await giveBack(command, connection() !== null)
        })
        .catch(() => {
          uncertain = true
        })
        .finally(() => {
          leave(false)
          if (running.get(command.id) === turn) running.delete(command.id)
          // A claim that is under way has not seen that this one ended.
          if (pumping) again = true
          if (isBehind || uncertain || again) soon()
        })
      running.set(command.id, turn)
      isFree = hasLeft
    }
  }

  /** What ends at once is one claim. */
  function soon(): void {
    waking ??= setImmediate(() => {
      waking = undefined
      wake()
    })
  }

  /** Its turn has not come: the one before it is still here. */
  async function release(command: ClaimedWork): Promise<void> {
    if (!stopped) await commands.retry(command, { delaySeconds: 0, counts: false })
    isBehind = true
  }

  async function giveBack(command: ClaimedWork, counts: boolean): Promise<void> {
    if (stopped) return
    if (counts && command.attempts >= maxAttempts) await commands.failMessage(command, 'send_timeout')
    else await commands.retry(command, { delaySeconds: connection() ? Math.min(2 ** command.attempts, 60) : 0, counts })
    isBehind = true
    options.onChange()
  }

  async function attempt(command: ClaimedWork, leave: (hasLeft: boolean) => void): Promise<void> {
    const open = connection()
    if (!open) return giveBack(command, false)
    const outcome = await carryOut(command, {
      open,
      commands,
      projection,
      answers,
      media: options.media,
      rules: options.rules,
      onLogout: options.onLogout,
      onHandedOver: () => leave(true),
    })
    switch (outcome.kind) {
      case 'settled':
        return leave(true)
      case 'finished':
        await commands.finish(command, outcome.result)
        leave(true)
        return options.onChange()
      case 'failed':
        await commands.failMessage(command, outcome.code)
        leave(true)
        return options.onChange()
      case 'later':
        await commands.retry(command, { delaySeconds: outcome.waitMs / 1_000, counts: false })
        // Only now: a claim that was under way knew nothing of it.
        isBehind = true
        return
      case 'unanswered':
        return giveBack(command, true)
      default:
        return outcome satisfies never
    }
  }

  function later(ms: number): void {
    clearTimeout(timer)
    timer = setTimeout(wake, Math.max(0, ms))
  }

  return {
    wake: asked,
    settle: (waId, error) => answers.settle(waId, error),
    interrupt() {
      uncertain = true
      answers.interrupt()
    },
    async stop() {
      stopped = true
      clearTimeout(timer)
      clearTimeout(gathering)
      clearImmediate(waking)
      answers.interrupt()
      await pumping
      // An upload may go on for minutes; the lease that it needs to say so is not its any more.
      await Promise.race([Promise.allSettled(running.values()), pause(stopMs, undefined, { ref: false })])
    },
  }
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : 'unknown'
}
