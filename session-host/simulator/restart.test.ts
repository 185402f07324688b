import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createSimulator } from './simulator.ts'
import { createCompanion } from './testing/companion.ts'
import { createControl, type ShownMessage } from './testing/control.ts'
import { linkedCompanion } from './testing/linked-companion.ts'
import './testing/quiet-signal.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'simulator-'))
})
afterEach(() => rm(folder, { recursive: true }))

test('a restarted simulator knows its people, devices, sessions, chats and queues', async () => {
  const number = '12025550700'
  const friend = '34600000701'
  const first = await createSimulator({ port: 0, seed: 'restart', dataDir: folder })
  const before = createControl(first.url)
  await before.post('/phones', { number, contacts: [{ number: friend, name: 'Sofía' }] })
  const companion = await linkedCompanion(first.webSocketUrl, before, number)
  await companion.socket.sendMessage(`${friend}@s.whatsapp.net`, { text: 'antes' })
  await before.post(`/phones/${friend}/say`, { to: number, text: 'contesto' })
  await companion.until('answer', () => companion.texts().includes('contesto'))
  await companion[Symbol.asyncDispose]()
  await before.until(async () =>
    (await before.get<{ connections: number }>('/state')).connections === 0 ? true : undefined,
  )
  await before.post(`/phones/${friend}/say`, { to: number, text: 'mientras tanto' })
  await first[Symbol.asyncDispose]()

  await using second = await createSimulator({ port: 0, dataDir: folder })
  expect(second.rootCertKey).toBe(first.rootCertKey)
  const after = createControl(second.url)
  await using again = createCompanion(second.webSocketUrl, { auth: companion.auth })
  await again.until('what waited', () => again.texts().includes('mientras tanto'))
  await again.socket.sendMessage(`${friend}@s.whatsapp.net`, { text: 'después' })
  await after.until(async () => {
    const { messages } = await after.get<{ messages: ShownMessage[] }>(`/phones/${friend}/messages?with=${number}`)
    return messages.length === 4 ? true : undefined
  })
  const { messages } = await after.get<{ messages: ShownMessage[] }>(`/phones/${friend}/messages?with=${number}`)
  expect(messages.map((each) => each.text)).toEqual(['antes', 'contesto', 'mientras tanto', 'después'])
  expect(await after.get('/state')).toMatchObject({
    unhandled: [],
    counters: expect.not.objectContaining({ phone_unreadable: 1 }),
  })
})

/** The command itself, as `npm run simulator` starts it. */
async function command(...options: string[]): Promise<{ process: ChildProcess; lines: string[] }> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'main.ts'), '--exit-with-stdin', ...options], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines: string[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line)
    if (line === 'ready') break
  }
  return { process: child, lines }
}

test('the command prints its addresses, serves, saves when terminated and comes back the same', async () => {
  const first = await command('--port', '0', '--data', folder)
  const url = first.lines.find((line) => line.startsWith('SIMULATOR_URL='))?.split('=')[1] ?? ''
  expect(first.lines[0]).toMatch(/^WHATSAPP_WEB_SOCKET_URL=ws:\/\/127\.0\.0\.1:\d+\/ws\/chat$/)
  await createControl(url).post('/phones', { number: '12025550710' })
  first.process.kill('SIGTERM')
  expect(await once(first.process, 'exit')).toEqual([0, null])
  const second = await command('--port', '0', '--data', folder)
  expect(second.lines[1]).toBe(first.lines[1])
  const again = second.lines.find((line) => line.startsWith('SIMULATOR_URL='))?.split('=')[1] ?? ''
  expect(await createControl(again).get('/phones/12025550710')).toMatchObject({ number: '12025550710' })
  second.process.stdin?.end()
  expect(await once(second.process, 'exit')).toEqual([0, null])
})

test('a wrong option is a usage error (2), a busy port a failure (1)', async () => {
  await using simulator = await createSimulator({ port: 0, seed: 'busy' })
  for (const [options, code] of [
    [['--port', 'many'], 2],
    [['--nonsense'], 2],
    [['--port', String(simulator.port)], 1],
  ] as const) {
    const child = spawn(process.execPath, [join(import.meta.dirname, 'main.ts'), ...options], { stdio: 'ignore' })
    expect(await once(child, 'exit')).toEqual([code, null])
  }
})
