/** How far the history is. */
interface SyncCounts {
  percent: number
  messages: number
  chunks: number
  stored: number
}

/** Spanish (tú). Functions take what the sentence is about; the type of this object is what every other language must fill. */
export const es = {
  productName: 'Pasarela',
  productLine: 'Tu WhatsApp, en tu propia base de datos.',
  loading: 'Cargando…',
  close: 'Cerrar',
  cancel: 'Cancelar',
  retry: 'Reintentar',
  back: 'Volver a los chats',
  configFailed: 'No se ha podido cargar la configuración de este servidor.',
  crashed: 'Algo ha fallado en esta página. Vuelve a cargarla.',
  reload: 'Recargar',

  simulated: 'Simulado',
  simulatedHelp: 'Este servidor habla con un WhatsApp simulado, no con el de verdad.',
  openPhone: 'Abrir el teléfono simulado',

  signIn: 'Iniciar sesión',
  signUp: 'Crear cuenta',
  signInTitle: 'Hola de nuevo',
  signUpTitle: 'Crea tu cuenta',
  signInLead: 'Entra para ver tus chats y responder desde aquí.',
  signUpLead: 'Después vinculas tu teléfono con un código QR.',
  toSignUp: '¿Aún no tienes cuenta? Crea una',
  toSignIn: '¿Ya tienes cuenta? Inicia sesión',
  email: 'Correo electrónico',
  password: 'Contraseña',
  showPassword: 'Mostrar la contraseña',
  hidePassword: 'Ocultar la contraseña',
  passwordRule: 'Al menos 8 caracteres.',
  emailMissing: 'Escribe tu correo electrónico, por ejemplo ana@ejemplo.com.',
  passwordMissing: 'Escribe tu contraseña.',
  passwordShort: 'La contraseña necesita al menos 8 caracteres.',
  confirmationSent: (email: string) =>
    `Te hemos enviado un correo a ${email}. Abre el enlace que trae para confirmar tu cuenta.`,
  authErrors: {
    invalid_credentials: 'El correo o la contraseña no son correctos.',
    user_already_exists: 'Ya hay una cuenta con ese correo. Inicia sesión.',
    email_exists: 'Ya hay una cuenta con ese correo. Inicia sesión.',
    weak_password: 'Esa contraseña es demasiado fácil de adivinar. Elige otra más larga.',
    email_address_invalid: 'Ese correo no parece válido. Revísalo.',
    validation_failed: 'Revisa el correo y la contraseña.',
    email_not_confirmed: 'Confirma antes tu cuenta con el enlace que te enviamos por correo.',
    signup_disabled: 'Este servidor no admite cuentas nuevas.',
    over_request_rate_limit: 'Demasiados intentos seguidos. Espera un minuto y vuelve a probar.',
    over_email_send_rate_limit: 'Se han enviado demasiados correos. Espera unos minutos y vuelve a probar.',
    offline: 'No se puede contactar con el servidor. Comprueba tu conexión y vuelve a probar.',
    other: 'No se ha podido entrar. Vuelve a probar en un momento.',
  },

  linkTitle: 'Vincula tu WhatsApp',
  linkLead: 'Tus chats aparecerán aquí en cuanto escanees el código.',
  linkSteps: [
    'Abre WhatsApp en tu teléfono.',
    'Toca Ajustes (o el menú ⋮) y luego Dispositivos vinculados.',
    'Toca Vincular un dispositivo y apunta con la cámara a este código.',
  ],
  qrAlt: 'Código QR para vincular tu WhatsApp',
  preparing: 'Preparando el código QR…',
  scanNow: 'Escanea este código QR con WhatsApp',
  linkingNow: 'Vinculando tu teléfono…',
  linkingHelp: 'Código escaneado. Deja WhatsApp abierto en el teléfono unos segundos.',
  qrExpiresIn: (seconds: number) => `Este código se renueva en ${seconds} s`,
  qrRenewing: 'Renovando el código…',
  qrSecondsLeft: (seconds: number) => `Al código le quedan menos de ${seconds} segundos.`,
  newCode: 'Generar un código nuevo',
  byNumber: 'Vincular con el número de teléfono',
  byQr: 'Vincular con un código QR',
  numberSteps: [
    'Escribe el número de tu WhatsApp y pide un código.',
    'En el teléfono: Ajustes, Dispositivos vinculados, Vincular un dispositivo.',
    'Toca «Vincular con el número de teléfono» y escribe allí el código.',
  ],
  yourNumber: 'Número de tu WhatsApp',
  askCode: 'Pedir un código',
  askingCode: 'Pidiendo el código a WhatsApp…',
  pairingCode: 'Código para escribir en el teléfono',
  copyCode: 'Copiar el código',
  codeExpiresIn: (seconds: number) => `Este código vale ${seconds} s más`,
  codeExpired: 'Este código ha caducado. Pide otro.',
  anotherCode: 'Pedir otro código',
  savedChats: 'Ver los chats guardados',
  backToLink: 'Vincular el teléfono',
  notLinked: 'Ningún teléfono vinculado: ves los chats guardados.',
  reasons: {
    logged_out: {
      title: 'Tu teléfono ha cerrado esta sesión',
      help: 'Has quitado este dispositivo desde WhatsApp. Genera un código nuevo y escanéalo para volver a vincularlo.',
    },
    logout_requested: {
      title: 'Has desvinculado tu WhatsApp',
      help: 'Tus conversaciones siguen guardadas. Vuelve a vincular el teléfono cuando quieras.',
    },
    link_expired: {
      title: 'El código ha caducado',
      help: 'Nadie lo ha escaneado a tiempo. Ten el teléfono a mano y genera uno nuevo.',
    },
    link_failed: {
      title: 'No se ha podido vincular',
      help: 'WhatsApp no ha completado la vinculación después de varios intentos. Genera un código nuevo y vuelve a probar.',
    },
    replaced: {
      title: 'Otra conexión ha ocupado el lugar de esta',
      help: 'La misma sesión se ha abierto en otro servidor. Ciérrala allí, o vuelve a conectar aquí.',
    },
    forbidden: {
      title: 'WhatsApp ha bloqueado esta cuenta',
      help: 'Abre WhatsApp en el teléfono para ver el motivo y pedir una revisión.',
    },
    temporarily_banned: {
      title: 'WhatsApp ha suspendido esta cuenta por un tiempo',
      help: 'Abre WhatsApp en el teléfono para ver hasta cuándo. Después, vuelve a conectar.',
    },
    device_refused: {
      title: 'WhatsApp no acepta dispositivos vinculados en esta cuenta',
      help: 'Actualiza WhatsApp en el teléfono y vuelve a conectar.',
    },
    outdated_client: {
      title: 'Este servidor se ha quedado antiguo para WhatsApp',
      help: 'Quien administra el servidor tiene que actualizarlo. Después, vuelve a probar.',
    },
    connection_lost: {
      title: 'Se ha perdido la conexión con WhatsApp',
      help: 'Comprueba que el teléfono tiene internet y vuelve a probar.',
    },
    server_unavailable: {
      title: 'WhatsApp no responde ahora mismo',
      help: 'Suele durar poco. Vuelve a probar en unos minutos.',
    },
    bad_session: {
      title: 'La sesión guardada ya no sirve',
      help: 'Genera un código nuevo y vuelve a vincular el teléfono.',
    },
    other: { title: 'La sesión se ha cerrado', help: 'Genera un código nuevo y vuelve a vincular el teléfono.' },
  },

  connected: 'Conectado',
  reconnecting: 'Reconectando con WhatsApp…',
  syncing: ({ percent, messages, chunks, stored }: SyncCounts) =>
    chunks === 0
      ? 'Esperando el historial de tu teléfono…'
      : `Recibiendo tu historial: ${percent} % · ${messages.toLocaleString('es')} mensajes · parte ${stored} de ${chunks}`,
  syncPaused: (percent: number) =>
    `El teléfono ha dejado de enviar el historial (${percent} %). Ábrelo con WhatsApp en pantalla para que siga.`,
  syncIncomplete: (failed: number) =>
    failed === 1
      ? 'Falta una parte del historial: no se pudo descargar.'
      : `Faltan ${failed} partes del historial: no se pudieron descargar.`,
  offline:
    'Sin conexión con el servidor. Se sigue intentando; mientras tanto, los chats se actualizan cada 10 segundos.',
  browserOffline: 'No tienes conexión a internet. Lo que escribas se puede enviar cuando vuelva.',
  recovered: (count: number) => (count === 1 ? '1 mensaje recuperado' : `${count} mensajes recuperados`),

  chats: 'Chats',
  archived: 'Archivados',
  showArchived: 'Ver archivados',
  hideArchived: 'Volver a los chats activos',
  searchChats: 'Buscar un chat',
  clearSearch: 'Borrar la búsqueda',
  newChat: 'Nuevo chat',
  newChatLead: 'Escribe el número con su prefijo de país. Comprobaremos que está en WhatsApp.',
  phoneNumber: 'Número de teléfono',
  phoneMissing: 'Escribe un número con su prefijo, por ejemplo +34 600 111 222.',
  checkingNumber: 'Comprobando…',
  openChat: 'Abrir chat',
  noChats: 'Todavía no hay chats',
  noChatsHelp: 'Cuando alguien te escriba aparecerá aquí. También puedes empezar tú.',
  noArchived: 'No hay chats archivados',
  noResults: 'Ningún chat coincide',
  noResultsHelp: 'Prueba con otro nombre o con parte del número.',
  messagesFound: 'Mensajes',
  moreMessages: 'Ver más mensajes',
  chatsFailed: 'No se han podido cargar los chats.',
  contactChat: 'Chat',
  groupChat: 'Grupo',
  group: 'Grupo',
  unread: (count: number) => (count === 1 ? '1 mensaje sin leer' : `${count} mensajes sin leer`),
  you: 'Tú',
  draft: 'Borrador',
  pickChat: 'Elige un chat',
  pickChatHelp: 'Los mensajes se guardan en tu base de datos y llegan aquí al momento.',
  skipToComposer: 'Saltar a escribir',
  skipToChats: 'Saltar a los chats',
  chatMissing: 'Este chat no existe o ya no está disponible.',

  messagesWith: (name: string) => `Mensajes con ${name}`,
  noMessages: 'Aún no hay mensajes',
  noMessagesHelp: 'Di hola: el primer mensaje lo escribes tú.',
  messagesFailed: 'No se han podido cargar los mensajes.',
  loadingOlder: 'Cargando mensajes anteriores…',
  conversationStart: 'Aquí empieza la conversación guardada.',
  unreadDivider: (count: number) => (count === 1 ? '1 mensaje sin leer' : `${count} mensajes sin leer`),
  jumpToLatest: 'Ir al último mensaje',
  newBelow: (count: number) => (count === 1 ? '1 mensaje nuevo' : `${count} mensajes nuevos`),
  newMessagesFrom: (count: number, name: string) =>
    count === 1 ? `Mensaje nuevo de ${name}` : `${count} mensajes nuevos de ${name}`,
  newMessagesIn: (count: number, chats: number) => `${count} mensajes nuevos en ${chats} chats`,
  status: {
    pending: 'Enviando',
    sent: 'Enviado',
    delivered: 'Entregado',
    read: 'Leído',
    played: 'Reproducido',
    failed: 'No enviado',
    received: 'Recibido',
  },
  notSent: 'No se ha enviado.',
  sendErrors: {
    message_rejected: 'WhatsApp ha rechazado el mensaje.',
    send_timeout: 'WhatsApp no lo ha confirmado a tiempo.',
    not_on_whatsapp: 'Este número no está en WhatsApp.',
    account_restricted: 'WhatsApp no deja ahora escribir a personas nuevas.',
    session_not_linked: 'No hay ningún teléfono vinculado.',
    offline: 'No hay conexión con el servidor.',
  },
  sendAgain: 'Enviar de nuevo',
  discard: 'Descartar',
  edited: 'editado',
  deleted: 'Se eliminó este mensaje',
  kinds: {
    text: 'Mensaje',
    image: 'Foto',
    audio: 'Audio',
    video: 'Vídeo',
    document: 'Documento',
    sticker: 'Sticker',
    location: 'Ubicación',
    contact: 'Contacto',
    poll: 'Encuesta',
    reaction: 'Reacción',
    notice: 'Aviso',
    unsupported: 'Este tipo de mensaje aún no se puede ver aquí. Míralo en tu teléfono.',
  },
  quoted: 'En respuesta a',
  somebody: 'Alguien',
  forwarded: 'Reenviado',
  forwardedMany: 'Reenviado muchas veces',
  viewOnce: 'Foto, vídeo o audio para ver una sola vez. Ábrelo en tu teléfono.',
  undecrypted: 'Esperando este mensaje. Puede tardar un momento.',
  reactions: 'Reacciones',
  download: 'Descargar',
  openPicture: (name: string) => `Abrir la imagen: ${name}`,
  mediaPending: 'Recibiendo el archivo…',
  mediaTrouble: {
    failed: 'no se ha podido recibir el archivo.',
    expired: 'WhatsApp ya no tiene el archivo.',
    erased: 'el archivo se ha borrado.',
  },
  play: 'Reproducir',
  pause: 'Pausar',
  voiceNote: 'Nota de voz',
  playedOf: (at: string, length: string) => `${at} de ${length}`,
  speed: (times: string) => `Velocidad: ${times}×`,
  liveLocation: 'Ubicación en tiempo real',
  chooseOne: 'Elige una opción',
  chooseSeveral: 'Elige una o varias opciones',
  votes: (count: number) => (count === 1 ? '1 voto' : `${count} votos`),
  yourVote: 'tu voto',
  event: 'Evento',
  eventCancelled: 'Evento cancelado',
  timer: (seconds: number) => {
    if (seconds === 0) return 'desactivados'
    if (seconds === 86_400) return 'de 24 horas'
    if (seconds % 86_400 === 0) return `de ${seconds / 86_400} días`
    return seconds % 60 === 0 ? `de ${seconds / 60} minutos` : `de ${seconds} segundos`
  },
  notices: {
    missed_call: (by: string) => (by ? `Llamada perdida de ${by}` : 'Llamada perdida'),
    disappearing: (by: string, _people: string, timer: string) =>
      by ? `${by} ha cambiado los mensajes temporales: ${timer}` : `Mensajes temporales: ${timer}`,
    number_changed: (by: string, people: string, value: string) =>
      `${by || people || 'Este contacto'} ha cambiado de número${value ? `: ${value}` : ''}`,
    encryption_changed: (by: string, people: string) =>
      `Ha cambiado el código de seguridad${by || people ? ` de ${by || people}` : ''}`,
    group_created: (by: string, _people: string, value: string) =>
      `${by || 'Alguien'} ha creado el grupo${value ? ` «${value}»` : ''}`,
    group_subject: (by: string, _people: string, value: string) =>
      `${by || 'Alguien'} ha cambiado el nombre del grupo a «${value}»`,
    group_description: (by: string) => `${by || 'Alguien'} ha cambiado la descripción del grupo`,
    group_picture: (by: string) => `${by || 'Alguien'} ha cambiado la foto del grupo`,
    group_added: (by: string, people: string) => `${by || 'Alguien'} ha añadido a ${people}`,
    group_joined: (_by: string, people: string) => `${people} se ha unido con un enlace`,
    group_removed: (by: string, people: string) => `${by || 'Alguien'} ha quitado a ${people}`,
    group_left: (by: string, people: string) => `${people || by} ha salido del grupo`,
    group_promoted: (by: string, people: string) => `${by || 'Alguien'} ha nombrado administrador a ${people}`,
    group_demoted: (by: string, people: string) => `${by || 'Alguien'} ha quitado de administrador a ${people}`,
    group_only_admins_send: (by: string, _people: string, value: string) =>
      value === 'off'
        ? `${by || 'Alguien'} permite que todos escriban en el grupo`
        : `${by || 'Alguien'} permite escribir solo a los administradores`,
    group_only_admins_edit: (by: string, _people: string, value: string) =>
      value === 'off'
        ? `${by || 'Alguien'} permite que todos cambien la información del grupo`
        : `${by || 'Alguien'} permite cambiar la información del grupo solo a los administradores`,
    group_all_may_add: (by: string, _people: string, value: string) =>
      value === 'off'
        ? `${by || 'Alguien'} permite añadir miembros solo a los administradores`
        : `${by || 'Alguien'} permite que todos añadan miembros`,
    group_approval: (by: string, _people: string, value: string) =>
      value === 'off'
        ? `${by || 'Alguien'} ya no pide aprobación para entrar en el grupo`
        : `${by || 'Alguien'} pide aprobación para entrar en el grupo`,
    group_link: (by: string) => `${by || 'Alguien'} ha cambiado el enlace de invitación`,
  },
  actionsFor: 'Acciones del mensaje',
  reply: 'Responder',
  replyingTo: (name: string) => `Respondiendo a ${name}`,
  cancelReply: 'No responder a este mensaje',
  react: 'Reaccionar',
  reactWith: (emoji: string) => `Reaccionar con ${emoji}`,
  unreact: (emoji: string) => `Quitar la reacción ${emoji}`,
  copyText: 'Copiar el texto',
  edit: 'Editar',
  editTitle: 'Editar el mensaje',
  save: 'Guardar',
  deleteForAll: 'Eliminar para todos',
  deleteTitle: '¿Eliminar el mensaje para todos?',
  deleteHelp: 'Desaparecerá también del teléfono de los demás. Verán que se eliminó.',
  deleteConfirm: 'Eliminar',
  forward: 'Reenviar',
  forwardTitle: 'Reenviar a un chat',
  forwardedTo: (name: string) => `Reenviado a ${name}`,
  vote: 'Votar',
  unchosen: 'Sin elegir',
  attach: 'Adjuntar archivos',
  attachments: 'Archivos para enviar',
  dropHere: 'Suelta los archivos para adjuntarlos',
  removeFile: (name: string) => `Quitar ${name}`,
  uploading: (name: string, percent: number) => `Subiendo ${name}: ${percent} %`,
  uploadFailed: 'No se ha podido subir el archivo.',
  uploadRefused: 'El servidor no admite este archivo: es demasiado grande o de un tipo no permitido.',
  fileEmpty: 'El archivo está vacío.',
  tooManyFiles: (limit: number) => `Se pueden enviar hasta ${limit} archivos a la vez.`,
  filesReady: 'Listo para enviar',
  filesSent: (count: number) => (count === 1 ? '1 archivo' : `${count} archivos`),
  fetchMedia: 'Descargar',
  fetchingMedia: 'Pidiendo el archivo…',
  chatActions: (name: string) => `Acciones del chat ${name}`,
  archive: 'Archivar',
  unarchive: 'Desarchivar',
  pin: 'Fijar arriba',
  unpin: 'No fijar',
  pinned: 'Fijado',
  mute: 'Silenciar',
  unmute: 'Volver a avisar',
  muted: 'Silenciado',
  markUnread: 'Marcar como no leído',
  markRead: 'Marcar como leído',
  markedUnread: 'marcado como no leído',
  typing: 'escribiendo…',
  recording: 'grabando audio…',
  typingBy: (name: string) => `${name}: escribiendo…`,
  recordingBy: (name: string) => `${name}: grabando audio…`,
  onlineNow: 'en línea',
  lastSeen: (when: string) => `última vez: ${when}`,
  groupInfo: 'Información del grupo',
  description: 'Descripción',
  members: (count: number) => (count === 1 ? '1 miembro' : `${count} miembros`),
  roles: { member: 'miembro', admin: 'administrador', superadmin: 'creador del grupo' },
  onlyAdminsSend: 'Solo los administradores pueden escribir.',
  onlyAdminsEdit: 'Solo los administradores pueden cambiar el grupo.',
  leftGroup: 'Ya no estás en este grupo.',
  membersIncomplete: 'Aún no se conocen todos los miembros.',
  linkHost: (host: string) => `dirección real: ${host}`,
  composer: 'Escribe un mensaje',
  send: 'Enviar',
  tooLong: (limit: string) => `El mensaje supera los ${limit} caracteres.`,
  asText: 'Ver como texto',
  asTextLead: 'Los mensajes cargados, para buscar o copiar.',
  copy: 'Copiar conversación',
  copied: 'Copiado',

  settings: 'Ajustes',
  account: 'Cuenta',
  linkedPhone: 'Teléfono vinculado',
  language: 'Idioma',
  theme: 'Tema',
  themes: { system: 'Sistema', light: 'Claro', dark: 'Oscuro' },
  unlink: 'Desvincular WhatsApp',
  unlinkTitle: '¿Desvincular WhatsApp?',
  unlinkHelp:
    'Dejarás de recibir mensajes aquí. Las conversaciones guardadas se quedan, y puedes volver a vincular cuando quieras.',
  unlinkConfirm: 'Desvincular',
  signOut: 'Cerrar sesión',
  signOutHelp: 'WhatsApp sigue vinculado. Se borran los borradores de este navegador.',

  errors: {
    offline: 'No se puede contactar con el servidor. Comprueba tu conexión.',
    other: 'Algo ha fallado. Vuelve a probar.',
  },
}

export type Catalogue = Translation<typeof es>

/** Same keys, any sentence. */
type Translation<T> = {
  [K in keyof T]: T[K] extends string
    ? string
    : T[K] extends (...parts: infer Parts) => string
      ? (...parts: Parts) => string
      : Translation<T[K]>
}
