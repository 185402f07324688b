import { z } from 'zod'

const Reaction = z.object({ type: z.literal('reaction'), from: z.string(), at: z.number(), emoji: z.string() })
const Vote = z.object({ type: z.literal('poll_vote'), from: z.string(), at: z.number(), options: z.array(z.string()) })

/** Each emoji that stands on a message, with how many chose it and whether the reader did; most chosen first. */
export function reactionsOf(interactions: readonly unknown[]): { emoji: string; count: number; mine: boolean }[] {
  const byEmoji = new Map<string, { emoji: string; count: number; mine: boolean }>()
  for (const element of interactions) {
    const reaction = Reaction.safeParse(element).data
    if (!reaction) continue
    const known = byEmoji.get(reaction.emoji) ?? { emoji: reaction.emoji, count: 0, mine: false }
    byEmoji.set(reaction.emoji, { ...known, count: known.count + 1, mine: known.mine || reaction.from === 'me' })
  }
  return [...byEmoji.values()].toSorted((a, b) => b.count - a.count)
}

/** How many chose each option of a poll, in the poll's order, and whether the reader did. */
export function tally(
  options: readonly string[],
  interactions: readonly unknown[],
): { option: string; votes: number; mine: boolean }[] {
  const votes = interactions.flatMap((element) => Vote.safeParse(element).data ?? [])
  return options.map((option) => {
    const chosen = votes.filter((vote) => vote.options.includes(option))
    return { option, votes: chosen.length, mine: chosen.some(({ from }) => from === 'me') }
  })
}
