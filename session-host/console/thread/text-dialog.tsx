import { useState, type ReactNode } from 'react'
import { useSecondsOf } from '../chats/use-now.ts'
import { Dialog } from '../dialog.tsx'
import { dayLabel, timeOf } from '../language/dates.ts'
import { useLanguage } from '../language/language.tsx'
import type { ThreadRow } from './thread-rows.ts'

/** The loaded messages as plain text: a virtual list hides them from the browser's own search. */
export function TextDialog({
  rows,
  name,
  onClose,
}: {
  rows: readonly ThreadRow[]
  name: string
  onClose: () => void
}): ReactNode {
  const { t, language } = useLanguage()
  const [copied, setCopied] = useState(false)
  const now = useSecondsOf(60)
  const text = rows
    .map((row) => {
      const day = row.startsDay ? `— ${dayLabel(row.at, now, language)} —\n` : ''
      const body = row.message?.revoked_at
        ? t.deleted
        : (row.outgoing?.text ?? row.message?.text_content ?? t.kinds[row.message?.message_type ?? 'text'])
      return `${day}${timeOf(row.at, language)} ${row.fromMe ? t.you : name}: ${body}`
    })
    .join('\n')
  return (
    <Dialog title={t.asText} wide onClose={onClose}>
      <p className="hint">{t.asTextLead}</p>
      <textarea className="as-text" readOnly value={text} aria-label={t.messagesWith(name)} dir="auto" />
      <div className="dialog-actions">
        <span role="status">{copied && t.copied}</span>
        <button
          type="button"
          className="primary"
          onClick={() => void navigator.clipboard.writeText(text).then(() => setCopied(true))}
        >
          {t.copy}
        </button>
      </div>
    </Dialog>
  )
}
