/** How a connection ended: the status code of Baileys' close, and who said so. */
export interface Close {
  code: number | undefined
  /**
   * `whatsapp` in the protocol; `upgrade` as the HTTP status of the WebSocket's request, which says nothing of the account; `network`
   * for a lost or failed wire; `qr` when the QR references ran out; `host` when this side ended it.
   */
  by: 'whatsapp' | 'upgrade' | 'network' | 'qr' | 'host'
  /** Seconds that WhatsApp says a ban lasts. */
  expiresInSeconds?: number
}

/** The endpoint answered the upgrade with an HTTP status instead of a WebSocket. */
export class UpgradeRefused extends Error {
  override readonly name = 'UpgradeRefused'
  readonly status: number
  constructor(status: number) {
    super('the endpoint did not open a WebSocket')
    this.status = status
  }
}

/** Nothing came back in time: the wire is dead although TCP may not know. */
export class Unanswered extends Error {
  override readonly name = 'Unanswered'
}

/**
 * Reads `lastDisconnect.error`. Only what WhatsApp says in a stanza may cost a session its credentials: an HTTP 401 of a proxy has the
 * same number as an unlinked device. (Baileys' messages: socket.js:418, :690, :726, :784, :796, :801; the last is generics.js:339.)
 */
export function readClose(error: unknown): Close {
  if (error === undefined || error === null) return { code: undefined, by: 'host' }
  if (error instanceof UpgradeRefused) return { code: error.status, by: 'upgrade' }
  if (error instanceof Unanswered) return { code: 408, by: 'network' }
  const { message, output, data } = error as { message?: unknown; output?: { statusCode?: unknown }; data?: unknown }
  const text = typeof message === 'string' ? message : ''
  const code = typeof output?.statusCode === 'number' ? output.statusCode : undefined
  if (text.startsWith('QR refs attempts ended')) return { code, by: 'qr' }
  const refused = /Unexpected server response: (\d{3})/.exec(text)
  if (refused) return { code: Number(refused[1]), by: 'upgrade' }
  if (!saidByWhatsapp.test(text)) return { code, by: 'network' }
  const { attrs, expire } = (data ?? {}) as { attrs?: { type?: string }; expire?: string }
  // A conflict is 440 to Baileys, whatever it is about.
  const unlinked = code === 440 && attrs?.type === 'device_removed'
  const seconds = Number(expire)
  return {
    code: unlinked ? 401 : code,
    by: 'whatsapp',
    ...(seconds > 0 ? { expiresInSeconds: seconds } : {}),
  }
}

const saidByWhatsapp =
  /^(Stream Errored|Connection Failure|Multi-device beta not joined|Intentional Logout|Connection Terminated by Server)/
