import type { MediaRemovals } from '../store/media-removals.ts'
import type { ObjectStore } from './object-store.ts'

export interface MediaRemoverOptions {
  removals: MediaRemovals
  objects: Pick<ObjectStore, 'remove'>
  logger: { warn(facts: object, message: string): void }
  /** How often it looks by itself, in ms. */
  scanMs?: number
}

/** Deletes files of messages that are gone. */
export interface MediaRemover extends AsyncDisposable {
  /** Looks for work now. */
  wake(): void
}

const atOnce = 20

/** @see MediaRemover */
export function createMediaRemover({ removals, objects, logger, scanMs = 60_000 }: MediaRemoverOptions): MediaRemover {
  let stopped = false
  let running: Promise<void> | undefined
  let again = false

  function wake(): void {
    if (stopped) return
    again = true
    running ??= work()
      .catch((error: unknown) => {
        logger.warn(
          { error: error instanceof Error ? error.name : 'unknown' },
          'files of deleted messages could not be removed',
        )
      })
      .finally(() => {
        running = undefined
        if (again) wake()
      })
  }

  async function work(): Promise<void> {
    again = false
    for (let paths = await removals.claim(atOnce); paths.length > 0 && !stopped; paths = await removals.claim(atOnce)) {
      for (const path of paths) {
        if (stopped) return
        await objects.remove(path)
        await removals.done(path)
      }
    }
  }

  const scan = setInterval(wake, scanMs)
  wake()
  return {
    wake,
    async [Symbol.asyncDispose]() {
      stopped = true
      again = false
      clearInterval(scan)
      await running
    },
  }
}
