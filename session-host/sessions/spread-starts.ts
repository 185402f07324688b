/** At most this many sessions are started in a row, so that a restart with hundreds of them does not starve the ones that are live. */
const mostInARow = 20
/** As few as these begin at once. */
const fewEnough = 4
/** Time in which one session begins on average, in ms: hundreds are under way in seconds, and the live ones get their turns. */
const msPerStart = 12.5

/** When to start something, in ms from now. */
export interface Start<Item> {
  item: Item
  afterMs: number
}

/**
 * Picks what to start next, and when, the earliest first. Of many, each begins at a random moment of the time that they take together (full
 * jitter), whatever order they came in: hosts that find the same sessions ownerless at the same moment do not run after each other through
 * one list, and neither WhatsApp nor the database gets all of them at one instant. The next ones are picked when these have begun.
 */
export function spreadStarts<Item>(items: Item[], random: () => number): Start<Item>[] {
  if (items.length <= fewEnough) return items.map((item) => ({ item, afterMs: 0 }))
  const count = Math.min(items.length, mostInARow)
  const moments = Array.from({ length: count }, () => random() * count * msPerStart).sort((a, b) => a - b)
  return moments.map((afterMs, at) => ({ item: take(items, at, random), afterMs }))
}

/** One step of Fisher and Yates' shuffle: swaps any of those that are left to the place `at`. */
function take<Item>(items: Item[], at: number, random: () => number): Item {
  const chosen = at + Math.floor(random() * (items.length - at))
  const item = items[chosen] as Item
  items[chosen] = items[at] as Item
  items[at] = item
  return item
}
