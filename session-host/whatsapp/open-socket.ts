import {
  Browsers,
  isJidBroadcast,
  isJidNewsletter,
  makeWASocket,
  type AuthenticationState,
  type SocketConfig,
  type WAMessageKey,
  type WASocket,
} from '@whiskeysockets/baileys'
import { baileysLogger, type Logger } from './logger.ts'
import { rebuild, type Sent } from './rebuild.ts'
import type { RetryCounter } from './retry-counter.ts'
import type { Self } from './self.ts'
import type { SyncAction } from './sync-actions.ts'

/** What of one socket differs from another's. */
export interface SocketOptions extends Pick<
  SocketConfig,
  'waWebSocketUrl' | 'version' | 'makeSignalRepository' | 'cachedGroupMetadata'
> {
  auth: AuthenticationState
  logger: Logger
  retries: RetryCounter
  self: () => Self | null
  /** What the account sent, by WhatsApp id: answers retry requests. */
  findSent: (waId: string) => Promise<Sent | null>
  /** Takes a mutation of app state that Baileys has verified and applied. */
  onAction: (action: SyncAction) => void
}

/** Opens Baileys' socket, as every connection of ours is: it does nothing by itself that its owner or we should decide. */
export function openSocket({ logger, retries, self, findSent, onAction, ...config }: SocketOptions): WASocket {
  return makeWASocket({
    ...config,
    logger: baileysLogger(logger, onAction),
    // What the phone shows under linked devices; it also decides how much history the phone offers. Fixed for the life of a link.
    browser: Browsers.macOS('Desktop'),
    msgRetryCounterCache: retries,
    async getMessage(key: WAMessageKey) {
      const sent = key.id ? await findSent(key.id) : null
      const me = self()
      return (sent && me && rebuild(sent, me)) ?? undefined
    },
    // It would time every single frame, and note a stack for each; deadlines.ts sees to what never comes.
    connectTimeoutMs: 0,
    // Otherwise the phone stops notifying its owner.
    markOnlineOnConnect: false,
    syncFullHistory: true,
    shouldSyncHistoryMessage: () => true,
    shouldIgnoreJid: (jid) => isJidBroadcast(jid) || isJidNewsletter(jid),
    // A commit that fails is fatal to the session (auth-state.ts), so Baileys need not insist.
    transactionOpts: { maxCommitRetries: 1, delayBetweenTriesMs: 100 },
    appStateMacVerification: { patch: true, snapshot: true },
    // Baileys would fetch a preview for every URL in a text, from inside the host's network.
    generateHighQualityLinkPreview: false,
  })
}
