import { useEffect, useState, type ReactNode } from 'react'
import { useLanguage } from '../language/language.tsx'
import { useCountdown } from './use-countdown.ts'

/** Black on white with a quiet zone, in both themes; says how long it lasts, aloud only now and then. */
export function QrCode({ image, expiresAt }: { image: string; expiresAt: string | null }): ReactNode {
  const { t } = useLanguage()
  const left = useCountdown(expiresAt)
  const [spoken, setSpoken] = useState('')
  useEffect(() => {
    if (left !== null && (left === 60 || left === 30 || left === 10)) setSpoken(t.qrSecondsLeft(left))
  }, [left, t])
  return (
    <figure className="qr">
      <div className={left === 0 ? 'qr-paper qr-stale' : 'qr-paper'}>
        <img src={image} alt={t.qrAlt} width={264} height={264} />
      </div>
      <figcaption>
        <strong role="status">{t.scanNow}</strong>
        <span className="qr-time" role="timer" aria-live="off">
          {left === null ? '\u00a0' : left > 0 ? t.qrExpiresIn(left) : t.qrRenewing}
        </span>
        <span className="visually-hidden" aria-live="polite">
          {spoken}
        </span>
      </figcaption>
    </figure>
  )
}
