import { DEFAULT_CONNECTION_CONFIG, type WAVersion } from '@whiskeysockets/baileys'
import type { Logger } from './logger.ts'

/** The version of WhatsApp Web that this host says it is. WhatsApp refuses old ones with 405. */
export interface ClientVersions {
  /** The newest known: built in, accepted of any session on any host, or fetched. */
  current(): WAVersion
  /** Takes over what other sessions were accepted with. */
  load(): Promise<void>
  /** Asks WhatsApp without being refused first, and never fails. */
  learn(): Promise<void>
  /**
   * WhatsApp refused `used`. True when there is a newer one now; asks WhatsApp at most once in the pause between two fetches, so that
   * a hundred sessions that are refused at once cost one request.
   */
  refresh(used: WAVersion): Promise<boolean>
}

export interface ClientVersionOptions {
  /** The newest revision that a session was accepted with. */
  accepted: () => Promise<number | null>
  /** Where WhatsApp Web's service worker is: it names the current revision. */
  url: string
  logger: Logger
  /** Shortest pause between two fetches, in ms. */
  pauseMs?: number
}

/** @see ClientVersions. Versions are 2.3000.revision. */
export function createClientVersions({
  accepted,
  url,
  logger,
  pauseMs = 300_000,
}: ClientVersionOptions): ClientVersions {
  const [major, minor, builtIn] = DEFAULT_CONNECTION_CONFIG.version
  let revision = builtIn
  let fetchedAt = Number.NEGATIVE_INFINITY
  let fetching: Promise<void> | undefined

  async function takeAccepted(): Promise<void> {
    revision = Math.max(revision, (await accepted()) ?? 0)
  }

  function fetchOnce(): Promise<void> {
    if (performance.now() - fetchedAt < pauseMs) return fetching ?? Promise.resolve()
    fetchedAt = performance.now()
    fetching = fetchRevision(url)
      .then((found) => {
        revision = Math.max(revision, found)
        logger.info({ revision }, 'the current version of WhatsApp Web was learned')
      })
      .catch((error: unknown) => {
        logger.warn(
          { error: error instanceof Error ? error.message : 'unknown' },
          'the current version of WhatsApp Web could not be learned',
        )
      })
    return fetching
  }

  return {
    current: () => [major, minor, revision],
    load: takeAccepted,
    learn: fetchOnce,
    async refresh([, , used]) {
      if (revision > used) return true
      await takeAccepted()
      if (revision > used) return true
      await fetchOnce()
      return revision > used
    },
  }
}

/**
 * The revision that WhatsApp Web's service worker names (`"client_revision":N`, quotes escaped or not), as Baileys'
 * fetchLatestWaWebVersion finds it, with the headers that it needs. Fails for anything else, and after 10 s.
 */
async function fetchRevision(url: string): Promise<number> {
  const response = await fetch(url, {
    headers: {
      'sec-fetch-site': 'none',
      'user-agent':
        'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36',
    },
    signal: AbortSignal.timeout(10_000),
  })
  if (!response.ok) throw new Error(`HTTP ${response.status}`)
  const found = Number(/\\?"client_revision\\?":\s*(\d{1,10})/.exec(await response.text())?.[1])
  if (!(found >= 1_000_000_000 && found <= 4_294_967_295)) throw new Error('no plausible revision')
  return found
}
