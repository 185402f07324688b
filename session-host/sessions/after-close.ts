import type { SessionReason, SessionStatus } from '#shared/session.ts'
import type { CommandStore } from '../store/commands.ts'
import type { SessionStore, StatusChange } from '../store/sessions.ts'
import type { AuthState } from '../whatsapp/auth-state.ts'
import type { Close } from '../whatsapp/close.ts'
import { reactTo, type Reaction } from '../whatsapp/disconnect.ts'
import type { Logger } from '../whatsapp/logger.ts'
import { selfOf } from '../whatsapp/self.ts'
import type { Backoff } from './backoff.ts'
import type { Linking } from './linking.ts'
import type { SessionMeasures } from './measures.ts'
import type { Restrictions } from './restrictions.ts'

export interface AfterCloseOptions {
  sessions: Pick<SessionStore, 'wipe'>
  commands: Pick<CommandStore, 'logoutWaits'>
  backoff: Backoff
  restrictions: Restrictions
  linking: Linking
  measures: SessionMeasures
  logger: Logger
  become: (change: StatusChange) => Promise<void>
  /** Makes a new connection, as part of the step that is under way. */
  connect: (state: AuthState) => Promise<void>
  /** Makes one in a step of its own. */
  connectLater: (state: AuthState) => void
  /** True when WhatsApp has a newer version than the one that it refused. */
  refreshVersion: () => Promise<boolean>
  /** The session is over. */
  end: () => void
}

/** What a session does when its connection has ended: it connects again, at once or after a pause, or gives up or forgets the account. */
export interface AfterClose {
  react(state: AuthState, close: Close): Promise<void>
  /** Connects after a pause in ms. */
  reconnectLater(state: AuthState, pauseMs: number): void
  /** The owner has asked to be logged out: when WhatsApp closes now, that is why. */
  logoutRequested(): void
  /** There will be no connection any more. */
  stop(): void
}

/** @see AfterClose. What follows from which close stands in whatsapp/disconnect.ts. */
export function createAfterClose({
  sessions,
  commands,
  backoff,
  restrictions,
  linking,
  measures,
  logger,
  become,
  connect,
  connectLater,
  refreshVersion,
  end,
}: AfterCloseOptions): AfterClose {
  let logoutReason: SessionReason = 'logged_out'
  let timer: NodeJS.Timeout | undefined

  async function react(state: AuthState, close: Close): Promise<void> {
    const badSessions = close.by === 'whatsapp' && close.code === 500 ? backoff.badSession() : 0
    const reaction = reactTo(close, selfOf(state) !== null, badSessions)
    logger.info({ ...close, action: reaction.action, reason: reaction.reason }, 'connection closed')
    if (close.expiresInSeconds !== undefined && reaction.reason === 'temporarily_banned') {
      const until = new Date(Date.now() + close.expiresInSeconds * 1_000)
      await restrictions.note({ kind: 'temporarily_banned', active: true, until })
    }
    await carryOut(state, reaction)
  }

  async function carryOut(state: AuthState, reaction: Reaction): Promise<void> {
    switch (reaction.action) {
      case 'reconnect': {
        measures.reconnect(reaction.reason)
        if (reaction.pause === 'none' && backoff.mayHurry()) return connect(state)
        const pauseMs = backoff.failed()
        await become({ status: 'reconnecting', reason: reaction.reason, retry: { count: backoff.count, pauseMs } })
        return reconnectLater(state, pauseMs)
      }
      case 'refresh-version':
        if (await refreshVersion()) return connect(state)
        logger.error({ alert: true, reason: reaction.reason }, 'WhatsApp no longer accepts this version')
        return giveUp(selfOf(state) ? 'stopped' : 'unlinked', reaction.reason)
      case 'retry-linking':
        if (linking.fail()) return reconnectLater(state, backoff.failed())
        return giveUp('unlinked', reaction.reason)
      case 'forget':
        return forget(state, logoutReason)
      case 'stop':
        // WhatsApp no longer lets us in, so it can't be told; the owner's wish is done here.
        if (await commands.logoutWaits()) return forget(state, 'logout_requested')
        if (reaction.alert) logger.error({ alert: true, reason: reaction.reason }, 'WhatsApp refuses this account')
        return giveUp('stopped', reaction.reason)
      default:
        return reaction satisfies never
    }
  }

  /** A person has to do something. */
  async function giveUp(status: SessionStatus, reason: SessionReason): Promise<void> {
    await become({ status, reason, desired: 'stopped' })
    end()
  }

  async function forget(state: AuthState, reason: SessionReason): Promise<void> {
    state.close()
    await sessions.wipe(reason)
    measures.transition('logged_out', reason)
    end()
  }

  function reconnectLater(state: AuthState, pauseMs: number): void {
    clearTimeout(timer)
    timer = setTimeout(() => connectLater(state), pauseMs)
  }

  return {
    react,
    reconnectLater,
    logoutRequested() {
      logoutReason = 'logout_requested'
    },
    stop: () => clearTimeout(timer),
  }
}
