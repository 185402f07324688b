/** What the control API shows of a phone (see the simulator's README). */
export interface Phone {
  number: string
  name: string
  airplane: boolean
  devices: { device: number; online: boolean; linked_at: number; platform: string }[]
  contacts: { number: string; name: string }[]
  chats: { with: string; name: string; unread: number; last: PhoneMessage | null }[]
}

/** `at` in seconds. */
export interface PhoneMessage {
  n: number
  id: string
  from_me: boolean
  text: string
  at: number
  status: 'sent' | 'delivered' | 'read'
  via: string
  addressed: 'lid' | 'pn'
  copies: number
}

export type ScanSource = { camera: true } | { image: string } | { qr: string }

/** The control API's refusal; `unreachable` when the simulator is gone. */
export class ControlRefusal extends Error {
  readonly code: string
  override readonly name = 'ControlRefusal'
  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

/** Called with every request that changes something, for the journal. */
export type RequestListener = (request: { method: string; path: string; body: object }) => void

export type ControlClient = ReturnType<typeof createControlClient>

/** The control API on the page's own origin. Every method fails with a ControlRefusal. */
export function createControlClient(onRequest: RequestListener) {
  async function request<T>(method: string, path: string, body?: object): Promise<T> {
    if (body) onRequest({ method, path, body })
    const init = body
      ? { method, body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
      : { method }
    const response = await fetch(path, init).catch(() => null)
    if (!response) throw new ControlRefusal('unreachable', '')
    const answer = (await response.json().catch(() => null)) as
      | (T & { error?: { code: string; message: string } })
      | null
    if (!response.ok || answer === null)
      throw new ControlRefusal(answer?.error?.code ?? 'unreachable', answer?.error?.message ?? '')
    return answer
  }
  const post = <T>(path: string, body: object): Promise<T> => request<T>('POST', path, body)

  return {
    phones: async () => (await request<{ phones: Phone[] }>('GET', '/phones')).phones,
    messages: async (number: string, other: string) =>
      (await request<{ messages: PhoneMessage[] }>('GET', `/phones/${number}/messages?with=${other}`)).messages,
    /** The picture in front of the camera (a data URL), or null. */
    camera: async () => {
      const camera = await request<{ image: string }>('GET', '/camera').catch((error: unknown) => {
        if (error instanceof ControlRefusal && error.code !== 'unreachable') return null
        throw error
      })
      return camera?.image ?? null
    },
    createPhone: (name: string) => post<Phone>('/phones', { name }),
    addContact: (number: string, contact: { number: string; name: string }) =>
      post<object>(`/phones/${number}/contacts`, contact),
    scan: (number: string, source: ScanSource) => post<{ device: number }>(`/phones/${number}/scan`, source),
    linkByCode: (number: string, code: string) => post<{ device: number }>(`/phones/${number}/link_code`, { code }),
    say: (number: string, to: string, text: string) => post<{ id: string }>(`/phones/${number}/say`, { to, text }),
    read: (number: string, other: string) => post<{ read: string[] }>(`/phones/${number}/read`, { with: other }),
    airplane: (number: string, on: boolean) => post<object>(`/phones/${number}/airplane`, { on }),
    drop: (number: string, how: 'clean' | 'dirty') => post<{ dropped: number }>(`/phones/${number}/drop`, { how }),
    unlink: (number: string, device: number) => post<{ unlinked: number }>(`/phones/${number}/unlink`, { device }),
  }
}
