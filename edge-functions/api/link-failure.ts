import { PublicError, type Language } from '#shared/errors.ts'

/** Why linking ended without a linked phone, as a person can read it. */
const sentences: Partial<Record<string, Record<Language, string>>> = {
  link_expired: {
    es: 'El código ha caducado sin que nadie lo usara. Pide uno nuevo.',
    en: 'The code expired before anybody used it. Ask for a new one.',
  },
  link_failed: {
    es: 'No se ha podido vincular el teléfono. Pide otro código.',
    en: 'The phone could not be linked. Ask for another code.',
  },
  replaced: {
    es: 'Otra aplicación ha abierto esta sesión de WhatsApp.',
    en: 'Another application opened this WhatsApp session.',
  },
  forbidden: {
    es: 'WhatsApp ha rechazado esta cuenta.',
    en: 'WhatsApp refused this account.',
  },
  outdated_client: {
    es: 'WhatsApp pide una versión más nueva de este servicio.',
    en: 'WhatsApp asks for a newer version of this service.',
  },
}

/** Reasons that a new attempt may get past. */
const worthRetrying = new Set(['link_expired', 'link_failed', 'connection_lost', 'server_unavailable'])

/** The error of a linking attempt that the host gave up: whatsapp_timeout when asking again helps, else unavailable. */
export function linkFailure(reason: string | null | undefined, language: Language): PublicError {
  const sentence = sentences[reason ?? '']?.[language]
  const code = reason && !worthRetrying.has(reason) ? 'unavailable' : 'whatsapp_timeout'
  return new PublicError(code, { detail: `linking ended: ${reason ?? 'no reason'}`, ...(sentence && { sentence }) })
}
