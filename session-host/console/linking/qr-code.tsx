import type { ReactNode } from 'react'
import { useLanguage } from '../language/language.tsx'
import { useSecondsOf } from '../chats/use-now.ts'

/** Black on white with a quiet zone, in both themes; says how long it lasts, aloud only now and then. */
export function QrCode({ image, expiresAt }: { image: string; expiresAt: string | null }): ReactNode {
  const { t } = useLanguage()
  const now = useSecondsOf(1)
  const left = expiresAt === null ? null : Math.max(0, Math.ceil((Date.parse(expiresAt) - now.getTime()) / 1_000))
  const milestone = left === null || left === 0 ? undefined : [10, 30, 60].find((seconds) => left <= seconds)
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
          {milestone === undefined ? '' : t.qrSecondsLeft(milestone)}
        </span>
      </figcaption>
    </figure>
  )
}
