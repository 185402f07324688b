import { describe, expect, it } from 'vitest'
import { reactionsOf, tally } from './interactions.ts'

const at = 1
describe('what others did to a message', () => {
  it('counts each emoji once a person, leaves out what was taken back, and ignores what it does not know', () => {
    const interactions = [
      { type: 'reaction', from: '1@lid', at, emoji: '👍' },
      { type: 'reaction', from: '2@lid', at, emoji: '❤️' },
      { type: 'reaction', from: 'me', at, emoji: '❤️' },
      { type: 'reaction', from: '3@lid', at, emoji: null },
      { type: 'something_new', from: '3@lid', at },
      null,
    ]
    expect(reactionsOf(interactions)).toEqual([
      { emoji: '❤️', count: 2, mine: true },
      { emoji: '👍', count: 1, mine: false },
    ])
  })

  it('adds votes up by option, in the order of the poll', () => {
    const interactions = [
      { type: 'poll_vote', from: '1@lid', at, options: ['No', 'Sí'] },
      { type: 'poll_vote', from: 'me', at, options: ['Sí'] },
      { type: 'poll_vote', from: '2@lid', at, options: [] },
    ]
    expect(tally(['Sí', 'No', 'Quizá'], interactions)).toEqual([
      { option: 'Sí', votes: 2, mine: true },
      { option: 'No', votes: 1, mine: false },
      { option: 'Quizá', votes: 0, mine: false },
    ])
  })
})
