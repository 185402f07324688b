import type { Message } from '#shared/message.ts'
import { dayKey } from '../language/dates.ts'
import type { OutgoingMessage } from './outbox.ts'

/** One row of a thread: a message with what stands above it. */
export interface ThreadRow {
  key: string
  at: Date
  fromMe: boolean
  message: Message | null
  outgoing: OutgoingMessage | null
  /** First row of its calendar day. */
  startsDay: boolean
  /** The divider "n unread" stands above. */
  startsUnread: boolean
  /** First and last of a run of one author within five minutes. */
  startsGroup: boolean
  endsGroup: boolean
}

/** A chat as it was when it was opened: how many of its newest incoming messages were unread, and when the last one came. */
export interface Opening {
  unread: number
  until: string | null
}

const groupGap = 5 * 60_000

/**
 * Rows of a thread: messages in order, then what is still being sent. The unread divider stays where it was when the chat was
 * opened; `rowKeyOf` keeps the row of a message that was sent from here.
 */
export function threadRows(
  messages: readonly Message[],
  outgoing: readonly OutgoingMessage[],
  opening: Opening,
  rowKeyOf: (messageId: string) => string | undefined,
): ThreadRow[] {
  const rows: ThreadRow[] = messages.map((message) => ({
    ...emptyRow,
    key: rowKeyOf(message.id) ?? message.id,
    at: new Date(message.created_at),
    fromMe: message.from_me,
    message,
  }))
  const shown = new Set(rows.map(({ key }) => key))
  for (const sending of outgoing)
    if (!shown.has(sending.key))
      rows.push({ ...emptyRow, key: sending.key, at: new Date(sending.createdAt), fromMe: true, outgoing: sending })
  const firstUnread = indexOfUnread(rows, opening)
  return rows.map((row, index) => {
    const before = rows[index - 1]
    const after = rows[index + 1]
    const startsDay = !before || dayKey(before.at) !== dayKey(row.at)
    const startsUnread = index === firstUnread
    return {
      ...row,
      startsDay,
      startsUnread,
      startsGroup: startsDay || startsUnread || !before || !sameGroup(before, row),
      endsGroup: !after || index + 1 === firstUnread || dayKey(after.at) !== dayKey(row.at) || !sameGroup(row, after),
    }
  })
}

const emptyRow = {
  message: null,
  outgoing: null,
  startsDay: false,
  startsUnread: false,
  startsGroup: false,
  endsGroup: false,
}

function indexOfUnread(rows: readonly ThreadRow[], { unread, until }: Opening): number {
  if (unread <= 0) return -1
  const last = until === null ? Infinity : Date.parse(until)
  let left = unread
  for (let index = rows.length - 1; index >= 0; index--) {
    const row = rows[index]
    if (row && !row.fromMe && row.at.getTime() <= last && --left === 0) return index
  }
  return rows.findIndex(({ fromMe }) => !fromMe)
}

function sameGroup(a: ThreadRow, b: ThreadRow): boolean {
  const author = (row: ThreadRow): string => (row.fromMe ? 'me' : (row.message?.sender_jid ?? 'them'))
  return (
    author(a) === author(b) &&
    b.at.getTime() - a.at.getTime() < groupGap &&
    a.message?.sender_type === (b.message?.sender_type ?? a.message?.sender_type)
  )
}
