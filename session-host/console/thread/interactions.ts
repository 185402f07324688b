/** Fields of one interaction that have the type they should; everything else is missing. The shape is migration 001100's. */
interface Interaction {
  type?: string
  from?: string
  emoji?: string
  options?: string[]
}

function read(element: unknown): Interaction {
  if (typeof element !== 'object' || element === null) return {}
  const { type, from, emoji, options } = element as Record<string, unknown>
  return {
    ...(typeof type === 'string' ? { type } : {}),
    ...(typeof from === 'string' ? { from } : {}),
    ...(typeof emoji === 'string' ? { emoji } : {}),
    ...(Array.isArray(options) ? { options: options.filter((option) => typeof option === 'string') } : {}),
  }
}

/** Each emoji that stands on a message, with how many chose it and whether the reader did; most chosen first. */
export function reactionsOf(interactions: readonly unknown[]): { emoji: string; count: number; mine: boolean }[] {
  const byEmoji = new Map<string, { emoji: string; count: number; mine: boolean }>()
  for (const element of interactions) {
    const { type, from, emoji } = read(element)
    if (type !== 'reaction' || emoji === undefined) continue
    const known = byEmoji.get(emoji) ?? { emoji, count: 0, mine: false }
    byEmoji.set(emoji, { ...known, count: known.count + 1, mine: known.mine || from === 'me' })
  }
  return [...byEmoji.values()].toSorted((a, b) => b.count - a.count)
}

/** How many chose each option of a poll, in the poll's order, and whether the reader did. */
export function tally(
  options: readonly string[],
  interactions: readonly unknown[],
): { option: string; votes: number; mine: boolean }[] {
  const votes = interactions.map(read).filter(({ type }) => type === 'poll_vote')
  return options.map((option) => {
    const chosen = votes.filter((vote) => vote.options?.includes(option))
    return { option, votes: chosen.length, mine: chosen.some(({ from }) => from === 'me') }
  })
}
