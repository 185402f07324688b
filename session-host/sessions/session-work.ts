import type { InboundBatch } from '#shared/inbound.ts'
import type { AuthState } from '../whatsapp/auth-state.ts'
import type { Connection } from '../whatsapp/connection-options.ts'
import { keepPairs, keepTokens } from '../whatsapp/keep-history.ts'
import { selfOf } from '../whatsapp/self.ts'
import { createCommandPump, type CommandPump } from './command-pump.ts'
import { createHistoryImport, type HistoryImport } from './history-import.ts'
import { createLeftovers, type Leftovers } from './leftovers.ts'
import { createPacing } from './pacing.ts'
import { createPictureRefresh } from './picture-refresh.ts'
import { projectSafely, whenReachable, type Patience } from './project-safely.ts'
import { createQuarantine, type Quarantine } from './quarantine.ts'
import { createRecipients } from './recipients.ts'
import type { Restrictions } from './restrictions.ts'
import type { SessionMedia } from './session-media.ts'
import type { SessionOptions } from './session-options.ts'

/** What a session does with its connection, and with what comes over it: everything but keeping it. */
export interface SessionWork {
  pump: CommandPump
  history: HistoryImport
  /** null where no file can be kept. */
  media: SessionMedia | null
  quarantine: Quarantine
  leftovers: Leftovers
  /** Stores a batch, together with or after what it came of, and wakes what has to do with it. */
  project(batch: InboundBatch, committed?: Promise<void> | null): Promise<void>
  /** A connection is open. */
  opened(): void
  /** Resolves when all that was under way has ended. */
  stop(): Promise<void>
}

export interface SessionWorkOptions extends Pick<
  SessionOptions,
  'lease' | 'store' | 'whatsapp' | 'measures' | 'historyReader' | 'logger' | 'onChange'
> {
  createMedia: SessionOptions['media']
  auth: () => AuthState | undefined
  /** The open one. */
  connection: () => Connection | null
  restrictions: Restrictions
  patience: Patience
  onLogout: () => void
  /** It was woken, and there was no command to carry out. */
  onNoCommand: () => void
  /** The lease is lost, or the database gave up: the session has to end. */
  onFatal: () => void
}

/** @see SessionWork */
export function createSessionWork({
  lease,
  store,
  whatsapp,
  measures,
  historyReader,
  logger,
  onChange,
  createMedia,
  auth,
  connection,
  restrictions,
  patience,
  onLogout,
  onNoCommand,
  onFatal,
}: SessionWorkOptions): SessionWork {
  const changed = () => onChange(lease.sessionId)
  const quarantine = createQuarantine({ store: store.quarantine, measures, logger })
  const leftovers = createLeftovers({ credentials: store.credentials, quarantine, project, logger })
  const media = createMedia?.(connection) ?? null
  const pump = createCommandPump({
    media,
    rules: {
      pacing: createPacing(whatsapp.pacing),
      recipients: createRecipients(),
      deadlineMs: whatsapp.sendDeadlineMs,
      forbidsFirstContact: () => restrictions.forbidsFirstContact(),
      measures,
    },
    commands: store.commands,
    projection: store.projection,
    connection,
    ackTimeoutMs: whatsapp.ackTimeoutMs,
    onLogout,
    onNoCommand,
    onChange: changed,
    logger,
  })
  const history = createHistoryImport({
    chunks: store.history,
    reader: historyReader,
    projection: store.projection,
    self() {
      const state = auth()
      return state ? selfOf(state) : null
    },
    async keep({ pairs, tokens }) {
      const state = auth()
      if (!state) return
      await keepPairs(state.keys, pairs)
      await keepTokens(state.keys, tokens)
    },
    async requestAgain(chunk) {
      const open = connection()
      await open?.requestChunk(chunk)
      return open !== null
    },
    patience,
    onChange: changed,
    onFatal,
  })
  const pictures = createPictureRefresh({ pictures: store.pictures, connection, onChange: changed, logger })

  async function project(batch: InboundBatch, committed: Promise<void> | null = null): Promise<void> {
    const { refused } = await projectSafely(store.projection, batch, patience, committed)
    measures.received(batch.messages.filter(({ live }) => live).map(({ at }) => Date.now() / 1_000 - at))
    if (refused.length > 0) await whenReachable(() => quarantine.refused(refused), patience)
    if (batch.messages.some((message) => message.media)) media?.wake()
    if (batch.pictures || batch.history || batch.chats.length > 0) pictures.wake()
  }

  return {
    pump,
    history,
    media,
    quarantine,
    leftovers,
    project,
    opened() {
      pump.wake()
      pictures.wake()
      media?.wake()
      history.wake()
    },
    async stop() {
      await pump.stop()
      await pictures.stop()
      await media?.stop()
      await history.stop()
    },
  }
}
