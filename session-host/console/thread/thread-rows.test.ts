import { describe, expect, it } from 'vitest'
import type { Message } from '#shared/message.ts'
import type { OutgoingMessage } from './outbox.ts'
import { threadRows } from './thread-rows.ts'

const at = (day: number, hour: number, minute: number): string => new Date(2026, 10, day, hour, minute).toISOString()

function message(id: string, created_at: string, from_me = false): Message {
  return {
    id,
    conversation_id: 'c',
    sender_type: 'user',
    message_type: 'text',
    text_content: id,
    content: {},
    media_url: null,
    media_status: null,
    media_mime_type: null,
    media_size_bytes: null,
    media_duration_seconds: null,
    media_width: null,
    media_height: null,
    media_file_name: null,
    media_waveform: null,
    interactions: [],
    created_at,
    ordinal: 1,
    wa_id: id,
    from_me,
    sender_jid: null,
    status: from_me ? 'sent' : 'received',
    error_code: null,
    reply_to_wa_id: null,
    edited_at: null,
    revoked_at: null,
    starred: false,
    hidden_at: null,
    expires_at: null,
  }
}
const sending: OutgoingMessage = {
  key: 'k1',
  conversationId: 'c',
  text: 'x',
  createdAt: at(24, 12, 0),
  state: 'sending',
  error: null,
  replyTo: null,
  attachments: [],
}
const none = (): undefined => undefined
const opened = (unread: number, until: string | null = null): { unread: number; until: string | null } => ({
  unread,
  until,
})

describe('the rows of a thread', () => {
  it('begin a day with each first message of a calendar day', () => {
    const rows = threadRows(
      [message('a', at(23, 23, 59)), message('b', at(24, 0, 0)), message('c', at(24, 9, 0))],
      [],
      opened(0),
      none,
    )
    expect(rows.map((row) => row.startsDay)).toEqual([true, true, false])
  })
  it('group one author within five minutes', () => {
    const rows = threadRows(
      [
        message('a', at(24, 9, 0)),
        message('b', at(24, 9, 4)),
        message('c', at(24, 9, 10)),
        message('d', at(24, 9, 11), true),
      ],
      [],
      opened(0),
      none,
    )
    expect(rows.map((row) => [row.startsGroup, row.endsGroup])).toEqual([
      [true, false],
      [false, true],
      [true, true],
      [true, true],
    ])
  })
  it('put the unread divider above the first of the newest incoming ones', () => {
    const messages = [
      message('a', at(24, 9, 0)),
      message('b', at(24, 9, 1)),
      message('m', at(24, 9, 2), true),
      message('c', at(24, 9, 3)),
    ]
    expect(threadRows(messages, [], opened(2), none).find((row) => row.startsUnread)?.key).toBe('b')
    expect(threadRows(messages, [], opened(99), none).find((row) => row.startsUnread)?.key).toBe('a')
    expect(threadRows(messages, [], opened(1, at(24, 9, 1)), none).find((row) => row.startsUnread)?.key).toBe('b')
    expect(threadRows(messages, [], opened(0), none).some((row) => row.startsUnread)).toBe(false)
  })
  it('end with what is being sent, in the same row once it is accepted', () => {
    expect(threadRows([message('a', at(24, 9, 0))], [sending], opened(0), none).map((row) => row.key)).toEqual([
      'a',
      'k1',
    ])
    const rows = threadRows(
      [message('a', at(24, 9, 0)), message('b', at(24, 12, 0), true)],
      [sending],
      opened(0),
      (id) => (id === 'b' ? 'k1' : undefined),
    )
    expect(rows.map((row) => row.key)).toEqual(['a', 'k1'])
  })
})
