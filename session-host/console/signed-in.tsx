import type { SupabaseClient } from '@supabase/supabase-js'
import { QueryClient, QueryClientProvider, useQuery } from '@tanstack/react-query'
import { useEffect, useState, type ReactNode } from 'react'
import type { Session } from '#shared/session.ts'
import { errorSentence } from './api/error-sentence.ts'
import { ChatsPage } from './chats/chats-page.tsx'
import { useLanguage } from './language/language.tsx'
import { LinkingPage } from './linking/linking-page.tsx'
import { sessionKey } from './live/cache.ts'
import { createParts } from './create-parts.ts'
import { useObservable } from './live/observable.ts'
import { PartsProvider, useParts, type ConsoleConfig } from './parts.ts'
import { Wordmark } from './wordmark.tsx'

/** Everything of one signed-in user; made when they come, ended when they leave. */
export function SignedIn(props: { config: ConsoleConfig; supabase: SupabaseClient; email: string }): ReactNode {
  const { config, supabase, email } = props
  const [parts] = useState(() => createParts({ config, supabase, email, queryClient: createQueryClient() }))
  useEffect(() => {
    parts.live.open()
    return () => parts[Symbol.dispose]()
  }, [parts])
  return (
    <QueryClientProvider client={parts.queryClient}>
      <PartsProvider value={parts}>
        <LinkedOrNot />
        <Spoken />
      </PartsProvider>
    </QueryClientProvider>
  )
}

function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: { queries: { staleTime: 60_000, retry: 1, refetchOnWindowFocus: 'always' } },
  })
}

/** Shows the chats of a linked phone, else how to link one. */
function LinkedOrNot(): ReactNode {
  const { t } = useLanguage()
  const { rest, live } = useParts()
  const { joined } = useObservable(live.state)
  const session = useQuery({
    queryKey: sessionKey,
    queryFn: ({ signal }) => rest.session(signal),
    refetchInterval: joined ? false : 10_000,
  })

  if (!session.data)
    return (
      <main className="splash" aria-busy={session.isPending}>
        <Wordmark />
        {session.isError ? <p role="alert">{errorSentence(session.error, t)}</p> : <p>{t.loading}</p>}
        {session.isError && (
          <button type="button" className="primary" onClick={() => void session.refetch()}>
            {t.retry}
          </button>
        )}
      </main>
    )
  if (isLinked(session.data)) return <ChatsPage session={session.data} onLink={() => undefined} />
  return <NotLinked session={session.data} />
}

/** How to link a phone, or the chats that are kept from before. */
function NotLinked({ session }: { session: Session }): ReactNode {
  const [browsing, setBrowsing] = useState(false)
  if (browsing) return <ChatsPage session={session} onLink={() => setBrowsing(false)} />
  return <LinkingPage session={session} onBrowse={() => setBrowsing(true)} />
}

/** `connecting` of a phone that was linked before is a restart; otherwise it is the last step of linking. */
function isLinked(session: Session): boolean {
  if (session.status === 'connecting') return session.linked_at !== null
  return session.status === 'connected' || session.status === 'reconnecting'
}

/** The one polite live region, outside every list. */
function Spoken(): ReactNode {
  const { announcer } = useParts()
  const spoken = useObservable(announcer.spoken)
  const notice = useObservable(announcer.notice)
  return (
    <>
      <div className="visually-hidden" aria-live="polite" aria-atomic="true" data-testid="spoken">
        {spoken}
      </div>
      {notice !== '' && (
        <div className="notice" aria-hidden="true">
          {notice}
        </div>
      )}
    </>
  )
}
