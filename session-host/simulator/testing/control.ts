/** The control API from a test's side. */
export interface Control {
  get<T>(path: string): Promise<T>
  post<T>(path: string, body?: unknown): Promise<T>
  /** Any request; gives status and JSON body. */
  request(
    method: string,
    path: string,
    init?: { type?: string; body?: string | Uint8Array; origin?: string },
  ): Promise<Answer>
  /** Asks `check` now and after every event of the simulator, until it gives something. */
  until<T>(check: () => Promise<T | undefined>): Promise<T>
}

export interface Answer {
  status: number
  body: { error?: { code: string; message: string } } & Record<string, unknown>
  headers: Headers
}

/** A message as `GET /phones/:number/messages` gives it. */
export interface ShownMessage {
  n: number
  id: string
  from: string
  to: string
  from_me: boolean
  text: string
  status: 'sent' | 'delivered' | 'read'
  via: string
  addressed: 'lid' | 'pn'
  copies: number
}

export function createControl(url: string): Control {
  async function request(method: string, path: string, init: Parameters<Control['request']>[2] = {}): Promise<Answer> {
    const headers = { ...(init.type && { 'Content-Type': init.type }), ...(init.origin && { Origin: init.origin }) }
    const body = typeof init.body === 'string' ? init.body : init.body && new Blob([new Uint8Array(init.body)])
    const response = await fetch(url + path, { method, headers, ...(body !== undefined && { body }) })
    const text = await response.text()
    const parsed: unknown = text === '' ? {} : JSON.parse(text)
    return { status: response.status, body: parsed as Answer['body'], headers: response.headers }
  }
  async function expectOk<T>(method: string, path: string, body?: unknown): Promise<T> {
    const answer = await request(
      method,
      path,
      body === undefined ? {} : { type: 'application/json', body: JSON.stringify(body) },
    )
    if (answer.status >= 400) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
    return answer.body as T
  }
  async function until<T>(check: () => Promise<T | undefined>): Promise<T> {
    const abort = new AbortController()
    const response = await fetch(`${url}/events`, { signal: abort.signal })
    try {
      // The stream begins with a comment, so the first check comes after the subscription.
      for await (const _event of response.body ?? []) {
        const found = await check()
        if (found !== undefined) return found
      }
    } finally {
      abort.abort()
    }
    throw new Error('the simulator ended before it happened')
  }
  return {
    request,
    until,
    get: (path) => expectOk('GET', path),
    post: (path, body = {}) => expectOk('POST', path, body),
  }
}
