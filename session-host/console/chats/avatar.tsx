import type { ReactNode } from 'react'

/**
 * Initials on one of eight tints, chosen by the chat's id. Pictures are shown from this server only: an address of WhatsApp's would
 * tell it who is reading.
 */
export function Avatar({ name, id, photo }: { name: string; id: string; photo: string | null }): ReactNode {
  let hash = 0
  for (const unit of id) hash = (hash * 31 + (unit.codePointAt(0) ?? 0)) >>> 0
  const own = photo !== null && URL.parse(photo, location.href)?.origin === location.origin
  return (
    <span className="avatar" style={{ '--tint': String((hash % 8) * 45) }} aria-hidden="true">
      {own ? <img src={photo} alt="" loading="lazy" /> : initials(name)}
    </span>
  )
}

function initials(name: string): string {
  if (/^[+\d\s()-]+$/.test(name)) return name.replace(/\D/g, '').slice(-2)
  const words = name.split(/\s+/).filter((word) => /[\p{L}\p{N}]/u.test(word))
  return words
    .slice(0, 2)
    .map((word) => /[\p{L}\p{N}]/u.exec(word)?.[0] ?? '')
    .join('')
    .toLocaleUpperCase()
}
