import { defaultRangeExtractor, useVirtualizer } from '@tanstack/react-virtual'
import {
  useCallback,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
  type KeyboardEvent,
  type ReactNode,
} from 'react'
import type { Message } from '#shared/message.ts'
import { useSecondsOf } from '../chats/use-now.ts'
import { useOpenMessage } from '../chats/use-route.ts'
import { Icon } from '../icon.tsx'
import { dayLabel } from '../language/dates.ts'
import { useLanguage } from '../language/language.tsx'
import { MessageBubble } from './message-bubble.tsx'
import { isUsable, useMessageActions } from './message-actions.ts'
import type { ThreadRow } from './thread-rows.ts'
import type { Thread } from './use-thread.ts'

const nearEnd = 80
/** Pages that are loaded at most to come to a message that was asked for. */
const farthestPages = 40

/** A feed of articles, virtual at both ends: holds still when older ones come in above, follows new ones when at the end. */
export function MessageList(props: {
  rows: ThreadRow[]
  thread: Thread
  unread: number
  name: string
  isGroup: boolean
  nameOf: (jid: string) => string
}): ReactNode {
  const { t, language } = useLanguage()
  const now = useSecondsOf(60)
  const { rows, thread } = props
  const { reply } = useMessageActions()
  const scroller = useRef<HTMLDivElement>(null)
  const [focusKey, setFocusKey] = useState<string | null>(null)
  const [lastSeenKey, setLastSeenKey] = useState<string | null>(null)
  const [placed, setPlaced] = useState(false)
  const focused = rows.findIndex(({ key }) => key === focusKey)
  const byWaId = useMemo(() => new Map(thread.messages.map((message) => [message.wa_id, message])), [thread.messages])

  // oxlint-disable-next-line react/incompatible-library -- no compiler is used, and the virtualizer's functions are stable
  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => 56,
    getItemKey: useCallback((index: number) => rows[index]?.key ?? index, [rows]),
    anchorTo: 'end',
    followOnAppend: true,
    scrollEndThreshold: nearEnd,
    overscan: 10,
    paddingStart: 12,
    paddingEnd: 12,
    rangeExtractor: (range) => {
      const shown = defaultRangeExtractor(range)
      return focused === -1 || shown.includes(focused) ? shown : [...shown, focused].toSorted((a, b) => a - b)
    },
  })
  const items = virtualizer.getVirtualItems()
  const isEmpty = rows.length === 0

  // Open at the first unread message, else at the newest.
  useLayoutEffect(() => {
    if (isEmpty || placed) return
    const divider = rows.findIndex((row) => row.startsUnread)
    if (divider > 0) virtualizer.scrollToIndex(divider, { align: 'start' })
    else virtualizer.scrollToEnd()
    const frame = requestAnimationFrame(() => setPlaced(true))
    return () => cancelAnimationFrame(frame)
  }, [isEmpty, placed, rows, virtualizer])

  const firstShown = items[0]?.index ?? 0
  useEffect(() => {
    if (placed && firstShown < 10 && thread.hasOlder) thread.loadOlder()
  })

  // Own messages always come into view.
  const lastRow = rows.at(-1)
  const lastOwnKey = lastRow?.outgoing ? lastRow.key : null
  useEffect(() => {
    if (lastOwnKey !== null) virtualizer.scrollToEnd()
  }, [lastOwnKey, virtualizer])

  // The library follows what is appended; this also follows what comes in above rows that are still being sent, or grows.
  const atEnd = !placed || virtualizer.isAtEnd(nearEnd)
  const wasAtEnd = useRef(false)
  useLayoutEffect(() => {
    if (wasAtEnd.current) virtualizer.scrollToEnd()
  }, [rows, virtualizer])
  useEffect(() => {
    wasAtEnd.current = placed && atEnd
  }, [placed, atEnd])

  const lastKey = rows.findLast((row) => row.message !== null)?.key ?? null
  useEffect(() => {
    if (atEnd) setLastSeenKey(lastKey)
  }, [atEnd, lastKey])
  const lastSeen = rows.findIndex(({ key }) => key === lastSeenKey)
  const below = atEnd || lastSeen === -1 ? 0 : rows.slice(lastSeen + 1).filter((row) => !row.fromMe).length

  function show(key: string, index: number): void {
    setFocusKey(key)
    virtualizer.scrollToIndex(index)
    requestAnimationFrame(() => document.getElementById(`message-${key}`)?.focus())
  }

  function jump(message: Message): void {
    const index = rows.findIndex((row) => row.message?.id === message.id)
    const row = rows[index]
    if (row) show(row.key, index)
  }

  // A message that the address names is shown once it is loaded.
  const wanted = useOpenMessage()
  const search = useRef({ wanted: null as string | null, pages: 0 })
  useEffect(() => {
    if (search.current.wanted !== wanted) search.current = { wanted, pages: farthestPages }
    if (!placed || wanted === null || search.current.pages === 0) return
    const index = rows.findIndex((row) => row.message?.id === wanted)
    const row = rows[index]
    if (row) {
      search.current.pages = 0
      wasAtEnd.current = false
      show(row.key, index)
    } else if (thread.hasOlder && !thread.isLoadingOlder) {
      search.current.pages -= 1
      thread.loadOlder()
    }
  })

  function move(event: KeyboardEvent): void {
    const from = focused === -1 ? rows.length - 1 : focused
    const row = rows[from]
    const onArticle = event.target instanceof Element && event.target.matches('article')
    const plain = !event.ctrlKey && !event.metaKey && !event.altKey
    if (onArticle && plain && event.key.toLowerCase() === 'r' && row?.message && isUsable(row.message)) {
      event.preventDefault()
      reply(row.message)
      return
    }
    const to = { PageUp: from - 1, PageDown: from + 1 }[event.key]
    if (to === undefined || !rows[to]) {
      const inside = onArticle && event.key === 'Enter' ? focusableIn(event.target) : null
      if (inside) {
        // Else the same press would go on to activate it.
        event.preventDefault()
        inside.focus()
      }
      return
    }
    event.preventDefault()
    show(rows[to].key, to)
  }

  if (isEmpty)
    return (
      <div className="thread-scroller">
        <div className="empty">
          <h2>{t.noMessages}</h2>
          <p>{t.noMessagesHelp}</p>
        </div>
      </div>
    )
  const tabStop = focused === -1 ? rows.length - 1 : focused
  const topRow = rows[virtualizer.getVirtualItemForOffset(virtualizer.scrollOffset ?? 0)?.index ?? 0]
  return (
    <div className="thread-area">
      <div className="thread-scroller" ref={scroller} onKeyDown={move}>
        {thread.isLoadingOlder && <div className="older">{t.loadingOlder}</div>}
        <div
          role="feed"
          className="feed"
          aria-label={t.messagesWith(props.name)}
          aria-busy={thread.isLoadingOlder}
          style={{ blockSize: virtualizer.getTotalSize() }}
        >
          {items.map((item) => {
            const row = rows[item.index]
            if (!row) return null
            return (
              <div
                key={item.key}
                data-index={item.index}
                ref={virtualizer.measureElement}
                className={row.startsGroup ? 'feed-row feed-row-first' : 'feed-row'}
                style={{ transform: `translateY(${item.start}px)` }}
              >
                {item.index === 0 && !thread.hasOlder && <p className="day-start">{t.conversationStart}</p>}
                {row.startsDay && <p className="day">{dayLabel(row.at, now, language)}</p>}
                {row.startsUnread && <p className="unread-divider">{t.unreadDivider(props.unread)}</p>}
                <article
                  id={`message-${row.key}`}
                  tabIndex={item.index === tabStop ? 0 : -1}
                  aria-posinset={item.index + 1}
                  aria-setsize={thread.hasOlder ? -1 : rows.length}
                  aria-labelledby={`by-${row.key} at-${row.key}`}
                  onFocus={() => setFocusKey(row.key)}
                >
                  <MessageBubble
                    row={row}
                    contactName={props.name}
                    isGroup={props.isGroup}
                    quoted={byWaId.get(row.message?.reply_to_wa_id ?? '')}
                    nameOf={props.nameOf}
                    onJump={jump}
                  />
                </article>
              </div>
            )
          })}
        </div>
      </div>
      {topRow && !atEnd && (virtualizer.scrollOffset ?? 0) > 60 && (
        <p className="day day-floating" aria-hidden="true">
          {dayLabel(topRow.at, now, language)}
        </p>
      )}
      {!atEnd && (
        <button
          type="button"
          className="jump"
          onClick={() => {
            virtualizer.scrollToEnd()
            document.getElementById('composer')?.focus()
          }}
        >
          <Icon name="down" />
          <span className={below > 0 ? '' : 'visually-hidden'}>{below > 0 ? t.newBelow(below) : t.jumpToLatest}</span>
        </button>
      )}
    </div>
  )
}

function focusableIn(target: EventTarget): HTMLElement | null {
  return target instanceof Element ? target.querySelector<HTMLElement>('a, button') : null
}
