import { describe, expect, it } from 'vitest'
import { conversationExample, messageExample } from './examples.ts'
import { ConversationRow, MessageRow } from './rows.ts'

describe('rows', () => {
  it('show times in one form, whichever way Postgres wrote them', () => {
    for (const [from, to] of [
      ['2025-01-20T10:00:00+00:00', '2025-01-20T10:00:00.000Z'],
      ['2025-01-20 10:00:00.99+00', '2025-01-20T10:00:00.990Z'],
      ['2025-01-20T12:00:00.123456+02:00', '2025-01-20T10:00:00.123Z'],
    ])
      expect(MessageRow.parse({ ...messageExample, created_at: from }).created_at).toBe(to)
  })

  it('show the contract’s fields only', () => {
    const row = { ...messageExample, user_id: 'somebody', session_id: 'something', unsupported_type: null }
    expect(MessageRow.parse(row)).toEqual(messageExample)
  })

  it('fill what the guide’s nullable columns may leave out', () => {
    expect(MessageRow.parse({ ...messageExample, interactions: null }).interactions).toEqual([])
    expect(ConversationRow.parse({ ...conversationExample, unread_count: null }).unread_count).toBe(0)
  })
})
