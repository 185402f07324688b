import { expect, it } from 'vitest'
import { clock } from './clock.ts'

it('shows seconds as people read a player', () => {
  expect([0, 7.9, 65, 3_725].map(clock)).toEqual(['0:00', '0:07', '1:05', '1:02:05'])
})
