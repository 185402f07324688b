/** Looks at what the owner of a session may have changed in the database. */
export interface OwnerWishes {
  /** Something may have changed. */
  wake(): void
  stop(): void
}

/** It is looked this often at most, in ms. */
const lookMs = 200

/** @see OwnerWishes. The first look is at once; of a hundred sends that are submitted together, the others are one more. */
export function createOwnerWishes(look: () => void): OwnerWishes {
  let timer: NodeJS.Timeout | undefined
  let again = false
  let stopped = false

  function next(): void {
    if (timer || !again || stopped) return
    again = false
    timer = setTimeout(() => {
      timer = undefined
      next()
    }, lookMs)
    look()
  }

  return {
    wake() {
      again = true
      next()
    },
    stop() {
      stopped = true
      clearTimeout(timer)
    },
  }
}
