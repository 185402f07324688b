import type { SessionStore } from '../store/sessions.ts'
import { qrImage } from '../whatsapp/qr-image.ts'

export interface LinkingOptions {
  sessions: SessionStore
  /** One attempt and its QR live this long, in ms. */
  timeoutMs: number
  /** Automatic further attempts. */
  maxRetries: number
}

/** The bounds of one request to link: attempts, each with a deadline, and the QR of the moment. */
export interface Linking {
  /** Starts an attempt; `onDeadline` is called when nobody has scanned in time. */
  begin(onDeadline: () => void): void
  /** Shows a new QR, valid for `validMs` or what is left of the attempt. */
  show(text: string, validMs: number): Promise<void>
  /** Ends the attempt. True when another one may follow. */
  fail(): boolean
  /** When the attempt ends, in epoch ms. */
  deadline(): number
  /** A phone has linked, or the session ends. */
  end(): void
}

/** @see Linking */
export function createLinking({ sessions, timeoutMs, maxRetries }: LinkingOptions): Linking {
  let attempt = 0
  let deadline = 0
  let timer: NodeJS.Timeout | undefined
  return {
    begin(onDeadline) {
      attempt += 1
      deadline = Date.now() + timeoutMs
      clearTimeout(timer)
      timer = setTimeout(onDeadline, timeoutMs)
    },
    async show(text, validMs) {
      const expiresAt = new Date(Math.min(Date.now() + validMs, deadline))
      await sessions.showQr({ dataUrl: await qrImage(text), expiresAt, attempt })
    },
    fail() {
      clearTimeout(timer)
      return attempt <= maxRetries
    },
    deadline: () => deadline,
    end() {
      attempt = 0
      clearTimeout(timer)
    },
  }
}
