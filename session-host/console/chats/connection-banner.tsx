import { useEffect, useState, useSyncExternalStore, type ReactNode } from 'react'
import { describeReason, describeRestriction } from '#shared/session-reasons.ts'
import type { Session } from '#shared/session.ts'
import { Icon } from '../icon.tsx'
import { useLanguage } from '../language/language.tsx'
import { useObservable } from '../live/observable.ts'
import { useParts } from '../parts.ts'

/** What stands between the reader and live chats, if anything: no network, no server, no WhatsApp, history still on its way. */
export function ConnectionBanner({ session, onLink }: { session: Session; onLink: () => void }): ReactNode {
  const { t, language } = useLanguage()
  const { live } = useParts()
  const { lost } = useObservable(live.state)
  const online = useSyncExternalStore(subscribeOnline, () => navigator.onLine)
  const lostForLong = useLasting(lost, 1_500)
  const isLinked =
    session.status === 'connected' || session.status === 'reconnecting' || session.status === 'connecting'

  if (!online) return <Banner sentence={t.browserOffline} />
  if (lostForLong) return <Banner sentence={t.offline} />
  if (!isLinked)
    return (
      <div className="banner" role="status">
        <Icon name="alert" />
        <span>{t.notLinked}</span>
        <button type="button" className="link" onClick={onLink}>
          {t.backToLink}
        </button>
      </div>
    )
  if (session.status !== 'connected') {
    // A lost wire is nothing to read about; anything else says what it is and what to do.
    const { reason } = session
    const told = session.status === 'reconnecting' && reason !== null && reason !== 'connection_lost'
    return <Banner sentence={told ? describeReason(reason, language) : t.reconnecting} />
  }
  if (session.restriction) return <Banner sentence={describeRestriction(session.restriction.kind, language)} />
  switch (session.sync_status) {
    case 'waiting':
    case 'importing':
      return (
        <div className="banner banner-calm">
          <label className="sync">
            {t.syncing({
              percent: session.sync_progress ?? 0,
              messages: session.sync_messages,
              chunks: session.sync_chunks,
              stored: session.sync_chunks_stored,
            })}
            <progress max={100} value={session.sync_progress ?? 0} />
          </label>
        </div>
      )
    case 'paused':
      return <Banner sentence={t.syncPaused(session.sync_progress ?? 0)} />
    case 'incomplete':
      return <Banner sentence={t.syncIncomplete(session.sync_chunks_failed)} />
    case 'complete':
    case null:
      return null
    default:
      return session.sync_status satisfies never
  }
}

function Banner({ sentence }: { sentence: string }): ReactNode {
  return (
    <div className="banner" role="status">
      <Icon name="alert" />
      <span>{sentence}</span>
    </div>
  )
}

/** True once it has been true for a while: a blink of the connection is nobody's business. */
function useLasting(value: boolean, milliseconds: number): boolean {
  const [lasting, setLasting] = useState(false)
  useEffect(() => {
    if (!value) return
    const timer = setTimeout(() => setLasting(true), milliseconds)
    return () => {
      clearTimeout(timer)
      setLasting(false)
    }
  }, [value, milliseconds])
  return lasting
}

function subscribeOnline(listener: () => void): () => void {
  window.addEventListener('online', listener)
  window.addEventListener('offline', listener)
  return () => {
    window.removeEventListener('online', listener)
    window.removeEventListener('offline', listener)
  }
}
