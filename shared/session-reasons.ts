import type { Language } from './errors.ts'
import type { Restriction, SessionReason } from './session.ts'

type Sentence = Record<Language, string>

/** What a person is told of each reason, and what to do about it. */
const reasons: Record<SessionReason, Sentence> = {
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
    es: 'No se ha podido vincular el teléfono porque la conexión con WhatsApp ha fallado. Pide un código nuevo.',
    en: 'The phone could not be linked because the connection to WhatsApp failed. Ask for a new code.',
  },
  replaced: {
    es: 'Otra conexión usa este mismo dispositivo vinculado. Ciérrala y vuelve a conectar.',
    en: 'Another connection uses this linked device. Close it and connect again.',
  },
  forbidden: {
    es: 'WhatsApp ha bloqueado esta cuenta. Ábrela en el teléfono para saber por qué.',
    en: 'WhatsApp has blocked this account. Open it on the phone to learn why.',
  },
  temporarily_banned: {
    es: 'WhatsApp ha suspendido esta cuenta por un tiempo. Ábrela en el teléfono para saber hasta cuándo y conecta de nuevo después.',
    en: 'WhatsApp has suspended this account for a time. Open it on the phone to learn until when, and connect again after that.',
  },
  device_refused: {
    es: 'WhatsApp no acepta dispositivos vinculados en esta cuenta. Actualiza WhatsApp en el teléfono y conecta de nuevo.',
    en: 'WhatsApp does not accept linked devices for this account. Update WhatsApp on the phone and connect again.',
  },
  outdated_client: {
    es: 'WhatsApp ya no acepta esta versión. Hay que actualizar el servidor.',
    en: 'WhatsApp no longer accepts this version. The server must be updated.',
  },
  connection_lost: {
    es: 'Se ha perdido la conexión con WhatsApp. Se recupera sola; no hace falta hacer nada.',
    en: 'The connection to WhatsApp was lost. It comes back by itself; there is nothing to do.',
  },
  server_unavailable: {
    es: 'WhatsApp no está disponible en este momento. Se volverá a intentar solo.',
    en: 'WhatsApp is not available right now. It is tried again by itself.',
  },
  endpoint_refused: {
    es: 'Algo entre este servidor y WhatsApp rechaza la conexión. Revisa el proxy o el cortafuegos; se seguirá intentando.',
    en: 'Something between this server and WhatsApp refuses the connection. Check the proxy or firewall; it is tried on.',
  },
  rate_limited: {
    es: 'WhatsApp pide ir más despacio. Se volverá a conectar solo tras una pausa.',
    en: 'WhatsApp asks to slow down. It connects again by itself after a pause.',
  },
  bad_session: {
    es: 'WhatsApp ha cortado la conexión con un error. Se vuelve a intentar sola.',
    en: 'WhatsApp ended the connection with an error. It is tried again by itself.',
  },
  credentials_suspect: {
    es: 'WhatsApp corta la conexión una y otra vez. Se sigue intentando; si no se recupera, desvincula el número y vuelve a vincularlo.',
    en: 'WhatsApp ends the connection again and again. It is tried on; if it does not come back, unlink the number and link it again.',
  },
  host_away: {
    es: 'El servidor que atiende este número no responde. Se recupera solo cuando vuelva, y lo que llegue mientras tanto aparece entonces.',
    en: 'The server that looks after this number does not answer. It recovers by itself when it is back, and what comes meanwhile appears then.',
  },
}

const restrictions: Record<Restriction, Sentence> = {
  reachout_timelock: {
    es: 'WhatsApp no deja iniciar conversaciones nuevas por ahora. Las que ya existen siguen funcionando: no escribas a desconocidos y espera.',
    en: 'WhatsApp does not let this account start new conversations for now. Existing ones work: do not write to strangers, and wait.',
  },
  message_cap: {
    es: 'Has llegado al límite de mensajes a personas nuevas que pone WhatsApp. Responde solo a quien ya te ha escrito hasta que se renueve.',
    en: 'You have reached WhatsApp’s limit of messages to new people. Answer only those who wrote to you until it is renewed.',
  },
  temporarily_banned: reasons.temporarily_banned,
}

/** The sentence of a reason, or a general one. */
export function describeReason(reason: string, language: Language): string {
  if (Object.hasOwn(reasons, reason)) return reasons[reason as SessionReason][language]
  return language === 'es'
    ? 'La sesión se ha cerrado. Vuelve a vincular el teléfono.'
    : 'The session was closed. Link the phone again.'
}

/** The sentence of a restriction. */
export function describeRestriction(restriction: Restriction, language: Language): string {
  return restrictions[restriction][language]
}
