import type { Readable } from 'node:stream'
import { request } from 'undici'
import { discard } from './discard.ts'
import { MediaFailure } from './media-failure.ts'

/** WhatsApp's own host, where the server has named none. */
const defaultHost = 'mmg.whatsapp.net'
/** A download is given up when nothing comes for so long, in ms. */
export const defaultIdleMs = 30_000

/**
 * Opens an encrypted file on the first of the hosts that WhatsApp's server has named: never on the one that a message names, which its
 * sender chooses. No redirect is followed. Fails with media_expired when it is no longer there.
 */
export async function fetchEncrypted(
  directPath: string,
  { hosts, maxBytes, idleMs, signal }: { hosts: string[]; maxBytes: number; idleMs: number; signal: AbortSignal },
): Promise<Readable> {
  const host = hosts[0] ?? defaultHost
  const url =
    directPath.startsWith('/') && !directPath.startsWith('//') ? URL.parse(`https://${host}${directPath}`) : null
  if (url?.host !== host) throw new MediaFailure('media_corrupt', 'no path of a medium')
  const { statusCode, headers, body } = await request(url, {
    headers: { origin: 'https://web.whatsapp.com' },
    headersTimeout: idleMs,
    bodyTimeout: idleMs,
    signal,
  })
  if (statusCode === 200) {
    // Padding and MAC are up to 26 bytes.
    if (Number(headers['content-length'] ?? 0) <= maxBytes + 26) return body
    discard(body)
    throw new MediaFailure('media_too_large')
  }
  await body.dump()
  if (statusCode === 403 || statusCode === 404 || statusCode === 410) throw new MediaFailure('media_expired')
  throw new Error(`the media host answered ${statusCode}`)
}
