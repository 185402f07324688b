import { defaultRangeExtractor, useVirtualizer } from '@tanstack/react-virtual'
import { useEffect, useRef, useState, type KeyboardEvent, type ReactNode } from 'react'
import { errorSentence } from '../api/error-sentence.ts'
import { useLanguage } from '../language/language.tsx'
import { useChatActions } from './use-chat-actions.ts'
import { ConversationRow } from './conversation-row.tsx'
import type { Conversations } from './use-conversations.ts'

const rowHeight = 76

/** A virtual list of links with one tab stop: arrows, Home and End move, Enter opens. The focused row stays mounted. */
export function ConversationList(props: {
  list: Conversations
  q: string
  archived: boolean
  openId: string | null
  onNewChat: () => void
}): ReactNode {
  const { t } = useLanguage()
  const { conversations, isPending, error, hasMore, loadMore, reload } = props.list
  const actions = useChatActions()
  const scroller = useRef<HTMLDivElement>(null)
  const [activeId, setActiveId] = useState<string | null>(null)
  const stopId = [activeId, props.openId].find((id) => conversations.some((c) => c.id === id)) ?? conversations[0]?.id
  const stop = conversations.findIndex((conversation) => conversation.id === stopId)
  // oxlint-disable-next-line react/incompatible-library -- no compiler is used, and the virtualizer's functions are stable
  const virtualizer = useVirtualizer({
    count: conversations.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    getItemKey: (index) => conversations[index]?.id ?? index,
    overscan: 8,
    rangeExtractor: (range) => {
      const shown = defaultRangeExtractor(range)
      return stop === -1 || shown.includes(stop) ? shown : [...shown, stop].toSorted((a, b) => a - b)
    },
  })
  const items = virtualizer.getVirtualItems()
  const lastShown = items.at(-1)?.index ?? 0
  useEffect(() => {
    if (hasMore && lastShown >= conversations.length - 8) loadMore()
  })

  function move(event: KeyboardEvent): void {
    const onLink = event.target instanceof Element && event.target.matches('a')
    const chat = conversations[stop]
    const plain = !event.altKey && !event.ctrlKey && !event.metaKey && !event.shiftKey
    if (onLink && plain && chat && event.key.toLowerCase() === 'u') actions.toggleUnread(chat)
    if (onLink && plain && chat && event.key.toLowerCase() === 'e') {
      actions.toggleArchived(chat)
      const next = conversations[stop + 1] ?? conversations[stop - 1]
      if (next) focusRow(next.id)
    }
    const to = { ArrowDown: stop + 1, ArrowUp: stop - 1, Home: 0, End: conversations.length - 1 }[event.key]
    const target = to === undefined ? undefined : conversations[to]
    if (to === undefined || !target || event.altKey || event.ctrlKey || event.metaKey) return
    event.preventDefault()
    virtualizer.scrollToIndex(to)
    focusRow(target.id)
  }

  function focusRow(id: string): void {
    setActiveId(id)
    requestAnimationFrame(() => scroller.current?.querySelector<HTMLElement>(`a[data-id="${id}"]`)?.focus())
  }

  if (error)
    return (
      <div className="empty" role="alert">
        <p>{t.chatsFailed}</p>
        <p className="hint">{errorSentence(error, t)}</p>
        <button type="button" className="secondary" onClick={reload}>
          {t.retry}
        </button>
      </div>
    )
  if (isPending) return <ListSkeleton />
  if (conversations.length === 0) return <NoChats q={props.q} archived={props.archived} onNewChat={props.onNewChat} />
  return (
    <div className="side-list" ref={scroller}>
      <ul style={{ blockSize: virtualizer.getTotalSize() }} onKeyDown={move}>
        {items.map((item) => {
          const conversation = conversations[item.index]
          return (
            conversation && (
              <ConversationRow
                key={item.key}
                conversation={conversation}
                position={item.index + 1}
                total={hasMore ? -1 : conversations.length}
                open={conversation.id === props.openId}
                tabStop={conversation.id === stopId}
                onFocus={() => setActiveId(conversation.id)}
                offset={item.start}
                actions={actions.items}
              />
            )
          )
        })}
      </ul>
    </div>
  )
}

function NoChats({ q, archived, onNewChat }: { q: string; archived: boolean; onNewChat: () => void }): ReactNode {
  const { t } = useLanguage()
  if (q !== '')
    return (
      <div className="empty" role="status">
        <h2>{t.noResults}</h2>
        <p>{t.noResultsHelp}</p>
      </div>
    )
  if (archived)
    return (
      <div className="empty">
        <h2>{t.noArchived}</h2>
      </div>
    )
  return (
    <div className="empty">
      <h2>{t.noChats}</h2>
      <p>{t.noChatsHelp}</p>
      <button type="button" className="primary" onClick={onNewChat}>
        {t.newChat}
      </button>
    </div>
  )
}

function ListSkeleton(): ReactNode {
  const { t } = useLanguage()
  return (
    <div className="skeletons" role="status" aria-label={t.loading}>
      {[70, 45, 60, 52, 66, 40].map((width) => (
        <div key={width} className="skeleton-row">
          <span className="skeleton round" />
          <span className="skeleton" style={{ inlineSize: `${width}%` }} />
        </div>
      ))}
    </div>
  )
}
