/** One table of everything that can go wrong in public: code → HTTP status, whether a retry may help, and the sentence in Spanish and English. */
const table = {
  invalid_request: [400, false, 'La petición no es válida.', 'The request is not valid.'],
  invalid_json: [400, false, 'El cuerpo no es JSON válido.', 'The body is not valid JSON.'],
  invalid_cursor: [
    400,
    false,
    'El cursor no es válido para esta consulta. Empieza por la primera página.',
    'The cursor is not valid for this query. Start from the first page.',
  ],
  invalid_phone: [
    400,
    false,
    'El número no es válido. Escríbelo con el prefijo del país, por ejemplo +34 600 111 222.',
    'The number is not valid. Write it with its country code, for example +34 600 111 222.',
  ],
  empty_text: [400, false, 'El texto está vacío.', 'The text is empty.'],
  text_too_long: [400, false, 'El texto supera los 65.536 caracteres.', 'The text is longer than 65,536 characters.'],
  invalid_attachment: [
    400,
    false,
    'Un adjunto tiene una ruta (path) en tu carpeta o una dirección (url), y un tipo que exista.',
    'An attachment has a path in your folder or a url, and a type that exists.',
  ],
  url_not_allowed: [
    400,
    false,
    'Esa dirección no se puede descargar: tiene que ser http o https y estar en internet.',
    'That address cannot be fetched: it has to be http or https, and on the internet.',
  ],
  url_unreachable: [422, false, 'Esa dirección no entrega ningún archivo.', 'That address does not deliver a file.'],
  path_not_allowed: [403, false, 'Ese archivo no está en tu carpeta.', 'That file is not in your folder.'],
  file_not_found: [404, false, 'Ese archivo no existe.', 'That file does not exist.'],
  media_too_large: [413, false, 'El archivo es demasiado grande.', 'The file is too large.'],
  media_type_not_allowed: [
    415,
    false,
    'El archivo no es del tipo que se indica o no se puede enviar así.',
    'The file is not of the type given, or cannot be sent as such.',
  ],
  media_not_found: [404, false, 'El mensaje no tiene ningún archivo.', 'The message has no medium.'],
  media_expired: [410, false, 'WhatsApp ya no tiene este archivo.', 'WhatsApp no longer has this medium.'],
  media_corrupt: [
    422,
    false,
    'El archivo no es el que se envió: su contenido no coincide.',
    'The file is not the one that was sent: its content does not match.',
  ],
  media_unavailable: [
    503,
    true,
    'El archivo no se ha podido descargar de WhatsApp. Vuelve a pedirlo.',
    'The medium could not be fetched from WhatsApp. Ask for it again.',
  ],
  invalid_location: [
    400,
    false,
    'Una ubicación lleva latitude (-90 a 90), longitude (-180 a 180) y, si quieres, name y address.',
    'A location has latitude (-90 to 90), longitude (-180 to 180) and perhaps a name and address.',
  ],
  invalid_contact: [
    400,
    false,
    'Un contacto lleva un nombre y teléfonos o una vCard. Se pueden enviar de 1 a 100.',
    'A contact has a name, and phones or a vCard. 1 to 100 can be sent.',
  ],
  invalid_poll: [
    400,
    false,
    'Una encuesta lleva una pregunta, de 2 a 12 opciones distintas de hasta 100 caracteres y cuántas se pueden elegir.',
    'A poll has a question, 2 to 12 different options of up to 100 characters, and how many of them one may choose.',
  ],
  invalid_vote: [
    400,
    false,
    'Elige opciones de la encuesta, cada una una vez y no más de las que permite; ninguna retira el voto.',
    'Choose options of the poll, each once and not more than it allows; none takes the vote back.',
  ],
  invalid_reaction: [
    400,
    false,
    'Una reacción es un emoji, o null para retirarla.',
    'A reaction is one emoji, or null to take it back.',
  ],
  invalid_mention: [
    400,
    false,
    'Una mención es el JID de una persona cuyos dígitos están en el texto detrás de una @.',
    'A mention is the JID of a person whose digits stand in the text after an @.',
  ],
  invalid_preview: [
    400,
    false,
    'Una vista previa lleva una url que está en el texto, un title y, si quieres, description y thumbnail (JPEG en base64).',
    'A preview has a url that stands in the text, a title, and perhaps a description and a thumbnail (JPEG in base64).',
  ],
  invalid_timer: [
    400,
    false,
    'El temporizador es 0 (desactivado), 86400, 604800 o 7776000 segundos.',
    'The timer is 0 (off), 86400, 604800 or 7776000 seconds.',
  ],
  invalid_group: [
    400,
    false,
    'Los datos del grupo no son válidos.',
    'What the request says of the group is not valid.',
  ],
  invalid_invite: [
    400,
    false,
    'Ese código de invitación no es válido o ya no sirve.',
    'That invitation code is not valid, or no longer.',
  ],
  invalid_personality: [
    400,
    false,
    'Una personalidad lleva un nombre de hasta 200 caracteres e instrucciones.',
    'A personality has a name of up to 200 characters, and instructions.',
  ],
  missing_token: [401, false, 'Falta el token de acceso.', 'The access token is missing.'],
  invalid_token: [401, false, 'El token de acceso no es válido.', 'The access token is not valid.'],
  expired_token: [
    401,
    false,
    'El token de acceso ha caducado. Inicia sesión de nuevo.',
    'The access token has expired. Sign in again.',
  ],
  other_user: [
    403,
    false,
    'La conexión ya pertenece a otro usuario.',
    'The connection already belongs to another user.',
  ],
  origin_not_allowed: [403, false, 'Este origen no está permitido.', 'This origin is not allowed.'],
  message_not_yours: [
    403,
    false,
    'Solo puede hacerlo quien escribió el mensaje.',
    'Only who wrote a message may do that.',
  ],
  group_admins_only: [
    403,
    false,
    'En ese grupo solo pueden hacerlo los administradores.',
    'Only admins may do that in this group.',
  ],
  account_restricted: [
    403,
    false,
    'WhatsApp no deja ahora a esta cuenta escribir a personas nuevas. Responde solo a quien ya te ha escrito y espera.',
    'WhatsApp does not let this account write to new people for now. Answer only those who wrote to you, and wait.',
  ],
  not_found: [404, false, 'No encontrado.', 'Not found.'],
  conversation_not_found: [404, false, 'Conversación no encontrada', 'Conversation not found'],
  message_not_found: [404, false, 'Mensaje no encontrado.', 'Message not found.'],
  call_not_found: [404, false, 'Esa llamada ya no está sonando.', 'That call is not ringing any more.'],
  personality_not_found: [404, false, 'Personalidad no encontrada.', 'Personality not found.'],
  not_on_whatsapp: [404, false, 'Ese número no está en WhatsApp.', 'That number is not on WhatsApp.'],
  method_not_allowed: [405, false, 'Ese método no existe aquí.', 'That method does not exist here.'],
  idempotency_conflict: [
    409,
    false,
    'Esta clave de idempotencia ya se usó con otra petición.',
    'This idempotency key was used for another request.',
  ],
  message_too_old: [409, false, 'Ya es tarde para eso.', 'It is too late for that.'],
  not_editable: [409, false, 'Ese mensaje no se puede editar.', 'That message cannot be edited.'],
  not_forwardable: [409, false, 'Ese mensaje no se puede reenviar.', 'That message cannot be forwarded.'],
  not_a_poll: [
    409,
    false,
    'Ese mensaje no es una encuesta en la que se pueda votar.',
    'That message is no poll that can be voted on.',
  ],
  not_a_group: [409, false, 'Esa conversación no es un grupo.', 'That conversation is not a group.'],
  not_in_group: [409, false, 'No estás en ese grupo.', 'You are not in that group.'],
  session_not_linked: [
    409,
    false,
    'No hay ningún teléfono vinculado. Escanea primero el código QR.',
    'No phone is linked. Scan the QR code first.',
  ],
  already_linked: [
    409,
    false,
    'Ya hay un teléfono vinculado. Desvincúlalo antes de vincular otro.',
    'A phone is linked already. Unlink it before you link another.',
  ],
  number_unknown: [
    409,
    false,
    'WhatsApp no ha dicho el número de este contacto, y sin él no se puede bloquear desde aquí. Bloquéalo en el teléfono.',
    'WhatsApp has not told this contact’s number, without which they cannot be blocked from here. Block them on the phone.',
  ],
  lease_lost: [409, true, 'Otro servidor atiende esta sesión.', 'Another host holds this session.'],
  resync_required: [
    410,
    false,
    'Ese punto del registro de eventos ya no se conserva. Vuelve a leer las listas y sigue desde el cursor actual.',
    'That place in the event log is no longer kept. Read the lists anew and go on from the current cursor.',
  ],
  payload_too_large: [413, false, 'La petición es demasiado grande.', 'The request is too large.'],
  too_many_connections: [
    429,
    true,
    'Ya hay 5 conexiones abiertas. Cierra una e inténtalo de nuevo.',
    'There are 5 open connections already. Close one and try again.',
  ],
  rate_limited: [429, true, 'Demasiadas peticiones. Espera un momento.', 'Too many requests. Wait a moment.'],
  pairing_refused: [
    422,
    false,
    'WhatsApp no ha dado un código para ese número. Comprueba que es el de tu cuenta de WhatsApp o escanea el código QR.',
    'WhatsApp gave no code for that number. Check that it is your WhatsApp account’s, or scan the QR code.',
  ],
  group_refused: [422, false, 'WhatsApp no ha aceptado el cambio del grupo.', 'WhatsApp did not accept the change.'],
  message_rejected: [422, false, 'WhatsApp ha rechazado el mensaje.', 'WhatsApp rejected the message.'],
  internal: [500, true, 'Algo ha fallado por nuestra parte.', 'Something failed on our side.'],
  unavailable: [
    503,
    true,
    'El servicio no está disponible ahora mismo. Inténtalo de nuevo en unos segundos.',
    'The service is not available right now. Try again in a few seconds.',
  ],
  whatsapp_timeout: [
    504,
    true,
    'WhatsApp no ha respondido a tiempo. Inténtalo de nuevo.',
    'WhatsApp did not answer in time. Try again.',
  ],
  history_complete: [
    409,
    false,
    'El teléfono no tiene mensajes más antiguos de esta conversación.',
    'The phone holds no older messages of this conversation.',
  ],
  history_unavailable: [
    503,
    true,
    'Una parte del historial no se pudo descargar de WhatsApp.',
    'A part of the history could not be downloaded from WhatsApp.',
  ],
  history_damaged: [
    502,
    false,
    'Una parte del historial llegó dañada y el teléfono no la ha vuelto a enviar.',
    'A part of the history arrived damaged, and the phone has not sent it again.',
  ],
  send_timeout: [
    504,
    true,
    'El mensaje no se pudo enviar: WhatsApp no lo confirmó a tiempo.',
    'The message could not be sent: WhatsApp did not acknowledge it in time.',
  ],
} as const satisfies Record<string, readonly [status: number, retryable: boolean, es: string, en: string]>

export type ErrorCode = keyof typeof table
export type ErrorStatus = (typeof table)[ErrorCode][0]
export type Language = 'es' | 'en'

/** An error that may be shown to whoever caused it. `detail` is for logs only. */
export class PublicError extends Error {
  readonly code: ErrorCode
  /** Path of the field that is wrong. */
  readonly param: string | undefined
  /** Replaces the table's sentence where a more exact one can be given. */
  readonly sentence: string | undefined
  override readonly name = 'PublicError'
  constructor(code: ErrorCode, options: { detail?: string; param?: string; sentence?: string; cause?: unknown } = {}) {
    super(options.detail ?? table[code][3], { cause: options.cause })
    this.code = code
    this.param = options.param
    this.sentence = options.sentence
  }
}

/** The public row of a code. */
export function describeError(
  code: ErrorCode,
  language: Language,
): {
  status: ErrorStatus
  retryable: boolean
  message: string
} {
  const [status, retryable, es, en] = table[code]
  return { status, retryable, message: language === 'en' ? en : es }
}

/** The code if the table has it, else null. */
export function asErrorCode(code: unknown): ErrorCode | null {
  return typeof code === 'string' && Object.hasOwn(table, code) ? (code as ErrorCode) : null
}

/**
 * Any thrown value as a PublicError: itself; an error of a SQL function, whose hint is the code (private.fail), as PostgREST and
 * as the Postgres driver hand it on; everything else is `internal`, its cause kept for the log.
 */
export function toPublicError(error: unknown): PublicError {
  if (error instanceof PublicError) return error
  const code = asErrorCode((error as { hint?: unknown } | null)?.hint)
  if (code) return new PublicError(code, { cause: error })
  return new PublicError('internal', { cause: error })
}

/** The language that an Accept-Language header asks for: Spanish unless English comes first. */
export function preferredLanguage(acceptLanguage: string | null | undefined): Language {
  for (const part of (acceptLanguage ?? '').split(',')) {
    const tag = part.trim().slice(0, 2).toLowerCase()
    if (tag === 'es') return 'es'
    if (tag === 'en') return 'en'
  }
  return 'es'
}
