import { setTimeout as pause } from 'node:timers/promises'
import type { FoundPicture, ProfilePictures } from '../store/profile-pictures.ts'
import type { Directory } from '../whatsapp/directory.ts'
import type { Logger } from '../whatsapp/logger.ts'

export interface PictureRefreshOptions {
  pictures: ProfilePictures
  /** The open connection, or null while there is none. */
  connection: () => Directory | null
  onChange: () => void
  logger: Logger
}

/** Looks profile pictures up, the newest chats first, a few at a time. What fails is asked for later and hides nothing. */
export interface PictureRefresh {
  /** There may be something to look up. */
  wake(): void
  stop(): Promise<void>
}

/** So many are asked for at once, and then nothing for so long: WhatsApp answers too many questions with 429. */
const atOnce = 2
const pauseMs = 200
const page = 20
/** Without a sign of change a picture is looked at again then; an address of WhatsApp's goes on for about that long. Milliseconds. */
const dayMs = 24 * 60 * 60 * 1_000
const weekMs = 7 * dayMs
/** Looks for new conversations and addresses that run out this often. */
const sweepMs = 60_000

/** @see PictureRefresh */
export function createPictureRefresh({
  pictures,
  connection,
  onChange,
  logger,
}: PictureRefreshOptions): PictureRefresh {
  let running: Promise<void> | undefined
  let again = false
  let stopped = false
  let timer: NodeJS.Timeout | undefined

  function wake(): void {
    again = true
    if (stopped || running || !connection()) return
    clearTimeout(timer)
    running = run()
      .catch((error: unknown) => {
        logger.warn(
          { error: error instanceof Error ? error.name : 'unknown' },
          'profile pictures could not be looked up',
        )
      })
      .finally(() => {
        running = undefined
        if (stopped) return
        timer = setTimeout(wake, sweepMs)
        timer.unref()
      })
  }

  async function run(): Promise<void> {
    while (again && !stopped) {
      again = false
      const due = await pictures.due(page)
      const found: FoundPicture[] = []
      for (let at = 0; at < due.length && !stopped; at += atOnce) {
        const open = connection()
        if (!open) break
        found.push(...(await Promise.all(due.slice(at, at + atOnce).map((each) => lookUp(open, each)))))
        await pause(pauseMs)
      }
      if (found.length === 0) return
      await pictures.store(found)
      onChange()
      if (due.length === page) again = true
    }
  }

  async function lookUp(
    open: Directory,
    { conversationId, jid, failures }: Awaited<ReturnType<ProfilePictures['due']>>[number],
  ): Promise<FoundPicture> {
    const now = Date.now()
    try {
      const url = await open.pictureUrl(jid)
      return { conversationId, url, dueAt: new Date(url === null ? now + weekMs : renewalOf(url, now)) }
    } catch {
      return { conversationId, url: undefined, dueAt: new Date(now + Math.min(2 ** failures * 60_000, dayMs)) }
    }
  }

  return {
    wake,
    async stop() {
      stopped = true
      clearTimeout(timer)
      await running
    },
  }
}

/** A day before the address runs out, which it says itself: `oe` is epoch seconds in hexadecimal. */
function renewalOf(url: string, now: number): number {
  const expires = Number.parseInt(URL.parse(url)?.searchParams.get('oe') ?? '', 16) * 1_000
  const wanted = Number.isFinite(expires) ? expires - dayMs : now + weekMs
  return Math.min(Math.max(wanted, now + 60 * 60 * 1_000), now + weekMs)
}
