import type { Language } from '#shared/errors.ts'

/** What a person is told when a session won't come back by itself, and what to do. */
const sentences: Record<string, Record<Language, string>> = {
  logged_out: {
    es: 'El teléfono ha desvinculado este dispositivo. Escanea el código QR o pide un código de vinculación para volver a vincularlo.',
    en: 'The phone has unlinked this device. Scan the QR code or ask for a pairing code to link it again.',
  },
  logout_requested: {
    es: 'Has desvinculado tu número. Tus conversaciones se conservan.',
    en: 'You have unlinked your number. Your conversations are kept.',
  },
  link_expired: {
    es: 'Nadie ha usado el código a tiempo. Pide uno nuevo.',
    en: 'Nobody used the code in time. Ask for a new one.',
  },
  link_failed: {
    es: 'No se ha podido vincular el teléfono. Pide un código nuevo.',
    en: 'The phone could not be linked. Ask for a new code.',
  },
  replaced: {
    es: 'Otra conexión usa este mismo dispositivo vinculado. Ciérrala y vuelve a conectar.',
    en: 'Another connection uses this linked device. Close it and connect again.',
  },
  forbidden: {
    es: 'WhatsApp ha bloqueado esta cuenta. Ábrela en el teléfono para saber por qué.',
    en: 'WhatsApp has blocked this account. Open it on the phone to learn why.',
  },
  outdated_client: {
    es: 'WhatsApp ya no acepta esta versión. Hay que actualizar el servidor.',
    en: 'WhatsApp no longer accepts this version. The server must be updated.',
  },
}

/** The sentence of a reason, or a general one. */
export function closeReason(reason: string, language: Language): string {
  return (
    sentences[reason]?.[language] ??
    (language === 'es'
      ? 'La sesión se ha cerrado. Vuelve a vincular el teléfono.'
      : 'The session was closed. Link the phone again.')
  )
}
