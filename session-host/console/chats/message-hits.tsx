import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import type { SearchHit } from '../api/rest-client.ts'
import { errorSentence } from '../api/error-sentence.ts'
import { shortMoment } from '../language/dates.ts'
import { useLanguage } from '../language/language.tsx'
import { useObservable } from '../live/observable.ts'
import { useParts } from '../parts.ts'
import { Avatar } from './avatar.tsx'
import { conversationName, phoneFormat } from './conversation-name.ts'
import { useSecondsOf } from './use-now.ts'
import { chatHref } from './use-route.ts'

/** Messages in which the words of the search are, of every chat, newest first. Each leads to its place in its chat. */
export function MessageHits({ q }: { q: string }): ReactNode {
  const { t } = useLanguage()
  const { rest } = useParts()
  const query = useInfiniteQuery({
    queryKey: ['search', q],
    queryFn: ({ pageParam, signal }) => rest.search({ q, cursor: pageParam }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    placeholderData: keepPreviousData,
    gcTime: 0,
  })
  const hits = query.data?.pages.flatMap((page) => page.results) ?? []
  if (query.isError)
    return (
      <p className="side-heading" role="alert">
        {errorSentence(query.error, t)}
      </p>
    )
  if (hits.length === 0) return null
  return (
    <section className="message-hits" aria-label={t.messagesFound}>
      <h2 className="side-heading">{t.messagesFound}</h2>
      <ul>
        {hits.map((hit) => (
          <Hit key={hit.message_id} hit={hit} />
        ))}
      </ul>
      {query.hasNextPage && (
        <button type="button" className="secondary" onClick={() => query.isFetching || void query.fetchNextPage()}>
          {t.moreMessages}
        </button>
      )}
    </section>
  )
}

function Hit({ hit }: { hit: SearchHit }): ReactNode {
  const { t, language } = useLanguage()
  useObservable(phoneFormat)
  const now = useSecondsOf(60)
  const name = conversationName(hit, t)
  return (
    <li>
      <a className="chat-row" href={chatHref(hit.conversation_id, hit.message_id)}>
        <Avatar name={name} id={hit.conversation_id} photo={hit.contact_photo_url} />
        <span className="chat-row-name" dir="auto">
          {name}
        </span>
        <span className="visually-hidden">, </span>
        <span className="chat-row-last" dir="auto">
          {hit.from_me && `${t.you}: `}
          {marked(hit)}
        </span>
        <span className="visually-hidden">, </span>
        <span className="chat-row-time">{shortMoment(new Date(hit.created_at), now, language)}</span>
      </a>
    </li>
  )
}

/** The excerpt with what was found set off. */
function marked({ snippet, highlights }: SearchHit): ReactNode[] {
  const ends = highlights.map(([, end]) => end)
  const parts = highlights.flatMap(([start, end], index) => [
    snippet.slice(ends[index - 1] ?? 0, start),
    <mark key={start}>{snippet.slice(start, end)}</mark>,
  ])
  return [...parts, snippet.slice(ends.at(-1) ?? 0)]
}
