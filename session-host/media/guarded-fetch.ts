import { lookup as systemLookup, type LookupAddress } from 'node:dns'
import { isIP } from 'node:net'
import { Readable } from 'node:stream'
import { Agent, buildConnector, request } from 'undici'
import { discard } from './discard.ts'
import { MediaFailure } from './media-failure.ts'
import { isPublicAddress } from './public-address.ts'

/** Resolves a name to all its addresses. */
export type Lookup = (hostname: string, callback: (error: Error | null, addresses: LookupAddress[]) => void) => void

export interface GuardedFetchOptions {
  maxBytes: number
  /** The longest that the whole may take, in ms. */
  timeoutMs?: number
  /** A pause in what comes that ends it, in ms. */
  idleMs?: number
  lookup?: Lookup
  /** Which addresses may be reached; those of the public internet by default. */
  isAllowed?: (address: string) => boolean
}

export interface FetchedFile {
  /** The bytes as they come; fails with media_too_large when there are more than allowed. */
  content: Readable
  contentType: string | null
  /** Name by the address's last part; never a path. */
  fileName: string | null
}

/** Fetches what users name: the only way from the host to an address that is not its own configuration. */
export interface GuardedFetch extends AsyncDisposable {
  /**
   * Fails with url_not_allowed (no http or https, credentials or a port that is no web server's in it, an address outside the public
   * internet by whatever spelling, name or redirect), url_unreachable, media_too_large.
   */
  open(url: string, signal: AbortSignal): Promise<FetchedFile>
}

const maxRedirects = 5
const maxUrlLength = 2_048
/** Ports of other services speak other protocols, and some do what an HTTP request says. */
const allowedPorts = new Set(['', '80', '443', '8080', '8443'])

/**
 * The check stands where the connection is made, on the very address that is connected to: a name that answers differently the second
 * time, and a redirect, gain nothing. A literal is checked before, since a resolver is not asked for it. Node's URL parser has
 * turned decimal, octal and hexadecimal spellings into dotted ones by then (WHATWG URL, host parsing).
 */
export function createGuardedFetch(options: GuardedFetchOptions): GuardedFetch {
  const { maxBytes, timeoutMs = 300_000, idleMs = 30_000, isAllowed = isPublicAddress } = options
  const lookup: Lookup = options.lookup ?? ((name, done) => systemLookup(name, { all: true, verbatim: true }, done))
  const connect = buildConnector({
    timeout: 10_000,
    lookup(hostname, { all }, callback) {
      lookup(hostname, (error, addresses) => {
        // One forbidden address spoils the name: it is no public server's.
        const bad = error ? undefined : addresses.find(({ address }) => !isAllowed(address))
        const [first] = addresses ?? []
        if (error) callback(error, '', 4)
        else if (bad || !first)
          callback(new MediaFailure('url_not_allowed', 'a name leads to a forbidden address'), '', 4)
        else if (all) callback(null, addresses)
        else callback(null, first.address, first.family)
      })
    },
  })
  const agent = new Agent({
    // No connection is used twice: each is checked.
    pipelining: 0,
    connect(target, callback) {
      const host = target.hostname.replace(/^\[|\]$/g, '')
      if (isIP(host) && !isAllowed(host)) callback(new MediaFailure('url_not_allowed', 'a forbidden address'), null)
      else connect(target, callback)
    },
  })

  async function open(text: string, signal: AbortSignal): Promise<FetchedFile> {
    const whole = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
    let url = allowed(text)
    for (let redirects = 0; redirects <= maxRedirects; redirects++) {
      const answer = await request(url, {
        dispatcher: agent,
        signal: whole,
        headersTimeout: idleMs,
        bodyTimeout: idleMs,
        // No cookie, no referrer, nothing that says who asks; and no compression, which would make the size limit a guess.
        headers: { accept: '*/*', 'accept-encoding': 'identity', 'user-agent': 'whatsapp-gateway' },
      }).catch((error: unknown) => {
        throw failureOf(error)
      })
      const { statusCode, headers, body } = answer
      const location = headers['location']
      if ([301, 302, 303, 307, 308].includes(statusCode) && typeof location === 'string') {
        discard(body)
        url = allowed(URL.parse(location, url)?.href ?? '')
        continue
      }
      if (statusCode !== 200) {
        discard(body)
        throw new MediaFailure('url_unreachable', `status ${statusCode}`)
      }
      const encoding = headers['content-encoding']
      if (encoding !== undefined && encoding !== 'identity') {
        discard(body)
        throw new MediaFailure('url_unreachable', 'compressed')
      }
      if (Number(headers['content-length'] ?? 0) > maxBytes) {
        discard(body)
        throw new MediaFailure('media_too_large')
      }
      const contentType = headers['content-type']
      return {
        content: Readable.from(limited(body, maxBytes), { objectMode: false }),
        contentType: typeof contentType === 'string' ? contentType : null,
        fileName: nameOf(url),
      }
    }
    throw new MediaFailure('url_unreachable', 'too many redirects')
  }

  function allowed(text: string): URL {
    const url = text.length <= maxUrlLength ? URL.parse(text) : null
    const host = url?.hostname.replace(/^\[|\]$/g, '') ?? ''
    if (
      !url ||
      !/^https?:$/.test(url.protocol) ||
      url.username !== '' ||
      url.password !== '' ||
      host === '' ||
      (options.isAllowed === undefined && !allowedPorts.has(url.port)) ||
      (isIP(host) !== 0 && !isAllowed(host))
    )
      throw new MediaFailure('url_not_allowed', 'an address that is not fetched')
    return url
  }

  return { open, [Symbol.asyncDispose]: () => agent.destroy() }
}

async function* limited(body: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator<Uint8Array> {
  let size = 0
  try {
    for await (const piece of body) {
      size += piece.length
      if (size > maxBytes) throw new MediaFailure('media_too_large')
      yield piece
    }
  } catch (error) {
    throw failureOf(error)
  }
}

function failureOf(error: unknown): Error {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause)
    if (cause instanceof MediaFailure) return cause
  const { code, name } = error as { code?: unknown; name?: unknown }
  return new MediaFailure('url_unreachable', typeof code === 'string' ? code : String(name))
}

function nameOf(url: URL): string | null {
  const last = url.pathname.split('/').at(-1) ?? ''
  try {
    return decodeURIComponent(last) || null
  } catch {
    return last || null
  }
}
