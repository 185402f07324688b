import { expect, it } from 'vitest'
import * as contract from '#shared/message.ts'
import { maxTextLength } from './max-text-length.ts'

it("the composer's limit is the contract's", () => {
  expect(maxTextLength).toBe(contract.maxTextLength)
})
