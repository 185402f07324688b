/** Looks at what the owner of a session may have changed in the database. */
export interface OwnerWishes {
  /** Something may have changed. `isBusy`: it was probably a command, which is looked for elsewhere. */
  wake(isBusy: boolean): void
  /** What woke it was no command. */
  wasNoCommand(): void
  stop(): void
}

/** It is looked this often at most, in ms. */
const lookMs = 200
/** While commands come, it is looked this late at the latest, in ms. */
const lookWhileBusyMs = 1_000

/** @see OwnerWishes */
export function createOwnerWishes(look: () => void): OwnerWishes {
  let timer: NodeJS.Timeout | undefined
  let isWanted = false
  let dueAt = 0
  let earliest = 0
  let stopped = false

  /** Looks in so many ms, or sooner when a look is due sooner. */
  function lookIn(ms: number): void {
    const at = Math.max(performance.now() + ms, earliest)
    if (!isWanted || stopped || (timer && at >= dueAt)) return
    clearTimeout(timer)
    dueAt = at
    timer = setTimeout(
      () => {
        timer = undefined
        isWanted = false
        earliest = performance.now() + lookMs
        look()
      },
      Math.max(0, at - performance.now()),
    )
  }

  return {
    wake(isBusy) {
      isWanted = true
      lookIn(isBusy ? lookWhileBusyMs : 0)
    },
    wasNoCommand: () => lookIn(0),
    stop() {
      stopped = true
      clearTimeout(timer)
    },
  }
}
