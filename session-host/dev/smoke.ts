import { writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { io, type Socket } from 'socket.io-client'

const help = `Walks through the guide's steps against a running server and stops at the first that fails.

  npm run smoke                                  a running "npm run dev", with its login and its simulated phone
  npm run smoke -- --url URL --token JWT         any server, as the user of the token

  --url URL     console, REST and Socket.IO of the session-host (default http://localhost:5001)
  --token JWT   access token of Supabase Auth
  --to PHONE    whom to write to (default: the first conversation of a simulated phone, else your own number)
  --wait S      how long to wait for a person to scan the QR, in seconds (default 180)
`

interface Answer {
  success?: boolean
  error?: { code: string; message: string }
  connected?: boolean
  data?: { qr: string }
  conversations?: { id: string; external_id: string; contact_name: string | null }[]
  conversation?: { id: string; external_id: string }
  messages?: { id: string; text_content: string | null; from_me: boolean }[]
  session?: { phone: string | null }
}

class StepFailed extends Error {}

const options = readOptions()
const timeoutMs = 20_000
let step = 0

try {
  await walk()
  process.stdout.write(`\n${step} steps, all well.\n`)
  process.exit(0)
} catch (error) {
  process.stdout.write(`✗ ${step + 1}. ${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(1)
}

async function walk(): Promise<void> {
  const config = await readConfig()
  const token = options.token ?? (await demoToken(config))
  const phone = config.simulatorUrl ? await firstPhone(config.simulatorUrl) : null

  const socket: Socket = io(options.url, { transports: ['websocket'], reconnection: false })
  const errors: string[] = []
  socket.on('error', (sentence: string) => errors.push(sentence))
  await within(once(socket, 'connect'), 'connect to Socket.IO')
  done('connect to Socket.IO')

  const ready = once(socket, 'session-ready')
  const qr = once(socket, 'qr-code') as Promise<string>
  socket.emit('join', { token })
  socket.emit('get-qr', { token })
  const first = await within(
    Promise.race([qr, ready.then(() => null)]),
    `join, get-qr → qr-code or session-ready`,
    errors,
  )
  done(first === null ? 'join → session-ready (already linked)' : 'join, get-qr → qr-code')

  const linking = await get('qr', token)
  if (first !== null) {
    if (!linking.data?.qr.startsWith('data:image/png;base64,')) throw new StepFailed('GET /api/whatsapp/qr has no QR')
    done('GET /api/whatsapp/qr → a PNG')
    await scan(first, config.simulatorUrl, phone)
    await within(ready, 'session-ready after the scan', errors, phone ? timeoutMs : options.waitMs)
    done('session-ready')
  } else {
    if (linking.connected !== true) throw new StepFailed('GET /api/whatsapp/qr does not say connected')
    done('GET /api/whatsapp/qr → connected')
  }

  const { conversations = [] } = await get('get_conversations', token)
  done(`GET /api/whatsapp/get_conversations → ${conversations.length}`)
  const conversationId = await chooseConversation(token, phone !== null ? conversations[0]?.external_id : undefined)

  const text = `Prueba ${new Date().toISOString()}`
  const sent = once(socket, 'message-sent')
  socket.emit('send-message', { token, conversationId, textContent: text, attachments: [] })
  const confirmation = (await within(sent, 'send-message → message-sent', errors)) as { conversationId?: string }
  if (confirmation.conversationId !== conversationId) throw new StepFailed('message-sent names another conversation')
  done('send-message → message-sent')

  const { messages = [] } = await get(`get_messages?conversationId=${encodeURIComponent(conversationId)}`, token)
  if (!messages.some((message) => message.text_content === text))
    throw new StepFailed('GET /api/whatsapp/get_messages does not show the sent message')
  done(`GET /api/whatsapp/get_messages → ${messages.length}, the sent one among them`)
  socket.disconnect()
}

async function chooseConversation(token: string, known: string | undefined): Promise<string> {
  if (!options.to && known) return known
  const phone = options.to ?? (await get('session', token)).session?.phone
  if (!phone) throw new StepFailed('there is no conversation; name a number with --to')
  const { conversation } = await call('start_conversation', token, {
    method: 'POST',
    body: JSON.stringify({ phone }),
  })
  if (!conversation) throw new StepFailed('POST /api/whatsapp/start_conversation opened no conversation')
  done('POST /api/whatsapp/start_conversation')
  return conversation.external_id
}

async function scan(qr: string, simulatorUrl: string | null, phone: string | null): Promise<void> {
  if (simulatorUrl === null || phone === null) {
    const file = join(tmpdir(), 'whatsapp-qr.png')
    writeFileSync(file, Buffer.from(qr.slice(qr.indexOf(',') + 1), 'base64'), { mode: 0o600 })
    process.stdout.write(`  Scan ${file} with WhatsApp: Settings, Linked devices, Link a device.\n`)
    return
  }
  const response = await fetch(`${simulatorUrl}/phones/${phone}/scan`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ image: qr }),
  })
  if (!response.ok) throw new StepFailed(`the simulated phone could not scan: ${await response.text()}`)
  done('the simulated phone scans the QR')
}

async function readConfig(): Promise<{ supabaseUrl: string; publishableKey: string; simulatorUrl: string | null }> {
  const response = await fetch(`${options.url}/config.json`).catch(() => null)
  if (!response?.ok)
    throw new StepFailed(`nothing answers at ${options.url}. Start it with "npm run dev", or name another with --url`)
  return (await response.json()) as { supabaseUrl: string; publishableKey: string; simulatorUrl: string | null }
}

/** The ready-made login of "npm run dev". */
async function demoToken(config: { supabaseUrl: string; publishableKey: string }): Promise<string> {
  const response = await fetch(`${config.supabaseUrl}/auth/v1/token?grant_type=password`, {
    method: 'POST',
    headers: { apikey: config.publishableKey, 'content-type': 'application/json' },
    body: JSON.stringify({ email: 'demo@example.com', password: 'demo-whatsapp' }),
  })
  const { access_token: token } = (await response.json()) as { access_token?: string }
  if (!token) throw new StepFailed('the login of "npm run dev" does not work here: give a token with --token')
  done('sign in with the ready-made login')
  return token
}

/** The phone that is linked already, else the first one. */
async function firstPhone(simulatorUrl: string): Promise<string | null> {
  const response = await fetch(`${simulatorUrl}/phones`).catch(() => null)
  if (!response?.ok) return null
  const { phones } = (await response.json()) as { phones: { number: string }[] }
  return phones[0]?.number ?? null
}

function get(path: string, token: string): Promise<Answer> {
  return call(path, token, {})
}

async function call(path: string, token: string, init: RequestInit): Promise<Answer> {
  const response = await fetch(`${options.url}/api/whatsapp/${path}`, {
    ...init,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
  })
  const answer = (await response.json()) as Answer
  if (!response.ok || answer.success !== true)
    throw new StepFailed(
      `${init.method ?? 'GET'} /api/whatsapp/${path.split('?')[0] ?? ''} → ${response.status} ${answer.error?.message ?? ''}`,
    )
  return answer
}

function once(socket: Socket, event: string): Promise<unknown> {
  return new Promise((resolve) => socket.once(event, resolve))
}

async function within<T>(promise: Promise<T>, what: string, errors: string[] = [], ms = timeoutMs): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () =>
        reject(
          new StepFailed(`${what}: nothing after ${ms / 1000} s${errors.length > 0 ? ` (${errors.join('; ')})` : ''}`),
        ),
      ms,
    )
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

function done(what: string): void {
  step += 1
  process.stdout.write(`✓ ${step}. ${what}\n`)
}

function readOptions(): { url: string; token: string | undefined; to: string | undefined; waitMs: number } {
  try {
    const { values } = parseArgs({
      options: {
        url: { type: 'string', default: 'http://localhost:5001' },
        token: { type: 'string' },
        to: { type: 'string' },
        wait: { type: 'string', default: '180' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
    if (values.help) {
      process.stdout.write(help)
      process.exit(0)
    }
    return {
      url: values.url.replace(/\/+$/, ''),
      token: values.token,
      to: values.to,
      waitMs: Number(values.wait) * 1_000,
    }
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${help}`)
    process.exit(2)
  }
}
