import { useQuery } from '@tanstack/react-query'
import { useEffect, useRef, useState, type ReactNode } from 'react'
import type { Session } from '#shared/session.ts'
import { SettingsButton } from '../account/settings-dialog.tsx'
import { useLanguage } from '../language/language.tsx'
import type { Catalogue } from '../language/catalogue-es.ts'
import { useObservable } from '../live/observable.ts'
import { useParts } from '../parts.ts'
import { Wordmark } from '../wordmark.tsx'
import { PairingCodeForm } from './pairing-code-form.tsx'
import { QrCode } from './qr-code.tsx'
import { useCamera } from './use-camera.ts'

/** Links a phone: shows the QR as it changes, what to do, and what went wrong. */
export function LinkingPage({ session, onBrowse }: { session: Session; onBrowse: () => void }): ReactNode {
  const { t } = useLanguage()
  const { live, rest, config } = useParts()
  const { joined, lost, qr: pushedQr, closed, trouble } = useObservable(live.state)
  // After a failure or a logout a person decides; a first visit begins at once.
  const [earlier, setEarlier] = useState(() => endOf(session))
  const [byNumber, setByNumber] = useState(false)
  const end = closed ?? earlier
  const wanted = end === null

  // Ask over the socket once it has joined, and again after it was away.
  useEffect(() => {
    if (joined && wanted && !byNumber) live.requestQr()
  }, [joined, wanted, byNumber, live])

  // The REST answer knows when the QR ends, and stands in for the socket when that is down.
  const fetched = useQuery({
    queryKey: ['qr', pushedQr],
    queryFn: ({ signal }) => rest.qr(signal),
    enabled: wanted && !byNumber && (pushedQr !== null || lost),
    refetchInterval: lost ? 10_000 : false,
    staleTime: 0,
    gcTime: 0,
  })
  const linking = session.status === 'connecting'
  const qr = linking || !wanted || byNumber ? null : (pushedQr ?? (lost ? (fetched.data?.data?.qr ?? null) : null))
  const expiresAt = qr !== null && fetched.data?.data?.qr === qr ? fetched.data.data.expires_at : null
  useCamera(config.simulatorUrl, qr)

  return (
    <div className="linking">
      <header className="linking-header">
        <Wordmark />
        <SettingsButton session={session} />
      </header>
      <main className="linking-main">
        <section className="linking-card card" aria-labelledby="link-title">
          <div className="linking-words">
            <h1 id="link-title">{t.linkTitle}</h1>
            <p className="lead">{t.linkLead}</p>
            <ol className="steps">
              {(byNumber ? t.numberSteps : t.linkSteps).map((step) => (
                <li key={step}>{step}</li>
              ))}
            </ol>
          </div>
          <div className="linking-code">
            {end !== null ? (
              <Ended
                end={end}
                onRetry={() => {
                  setEarlier(null)
                  live.forgetEnd()
                }}
                onBrowse={onBrowse}
              />
            ) : linking ? (
              <Waiting title={t.linkingNow} help={t.linkingHelp} />
            ) : byNumber ? (
              <PairingCodeForm />
            ) : qr !== null ? (
              <QrCode image={qr} expiresAt={expiresAt} />
            ) : (
              <Waiting title={t.preparing} help={trouble ?? ''} />
            )}
            {end === null && !linking && (
              <button type="button" className="link" onClick={() => setByNumber(!byNumber)}>
                {byNumber ? t.byQr : t.byNumber}
              </button>
            )}
          </div>
        </section>
      </main>
    </div>
  )
}

function Waiting({ title, help }: { title: string; help: string }): ReactNode {
  return (
    <div className="waiting" role="status">
      <span className="spinner" aria-hidden="true" />
      <strong>{title}</strong>
      {help !== '' && <p>{help}</p>}
    </div>
  )
}

function Ended(props: {
  end: { reason: string; message: string }
  onRetry: () => void
  onBrowse: () => void
}): ReactNode {
  const { t } = useLanguage()
  const button = useRef<HTMLButtonElement>(null)
  useEffect(() => button.current?.focus(), [])
  const { title, help } = reasonSentences(props.end.reason, props.end.message, t)
  return (
    <div className="ended">
      <div role="alert">
        <strong>{title}</strong>
        <p>{help}</p>
      </div>
      <button ref={button} type="button" className="primary" onClick={props.onRetry}>
        {t.newCode}
      </button>
      <button type="button" className="link" onClick={props.onBrowse}>
        {t.savedChats}
      </button>
    </div>
  )
}

/** Our sentence for a reason that we know, else the server's own. */
function reasonSentences(reason: string, message: string, t: Catalogue): { title: string; help: string } {
  if (Object.hasOwn(t.reasons, reason)) return t.reasons[reason as keyof Catalogue['reasons']]
  return message ? { title: t.reasons.other.title, help: message } : t.reasons.other
}

function endOf({ status, reason, message }: Session): { reason: string; message: string } | null {
  const ended = reason !== null && ['unlinked', 'logged_out', 'stopped'].includes(status)
  return ended ? { reason, message: message ?? '' } : null
}
