import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { getRequestListener } from '@hono/node-server'
import { WebSocketServer } from 'ws'
import { createControlApi } from './control-api.ts'
import { createEventHub } from './events.ts'
import { createFaults } from './faults.ts'
import { initialState } from './initial-state.ts'
import { createMediaHost } from './media-host.ts'
import { startMagic } from './magic-numbers.ts'
import { addPhonePage } from './phone-page.ts'
import { createSeededSource, freshSeed } from './seeded-source.ts'
import { createSerial } from './serial.ts'
import { createWhatsAppServer } from './server.ts'
import { createStateFile } from './state-file.ts'
import type { World } from './world.ts'

export interface SimulatorOptions {
  /** TCP port on 127.0.0.1; 0 for any free one. */
  port: number
  /** Keys, LIDs and ids follow from it. A state found in `dataDir` keeps its own. */
  seed?: string
  /** Folder that keeps the state over restarts. */
  dataDir?: string
  /** How long a phone takes to confirm a delivery, 250 by default. Below 200 Baileys merges the confirmation into the message's own event. */
  receiptDelayMs?: number
  /** Hears of errors (a client that breaks the protocol, a bug here). */
  onError?: (error: unknown) => void
}

export interface Simulator extends AsyncDisposable {
  url: string
  webSocketUrl: string
  /** The simulator's root key, 64 hex digits. */
  rootCertKey: string
  /** The certificate of the authority that issued the media host's, base64 of its DER. */
  mediaCaCert: string
  port: number
}

/** Starts a WhatsApp server with its phones on one port: `/ws/chat` for devices, the control API and the phone page for the rest. */
export async function createSimulator(options: SimulatorOptions): Promise<Simulator> {
  let port = options.port
  const due = new Map<NodeJS.Timeout, () => void>()
  const file = createStateFile(
    options.dataDir,
    () => world.state,
    (error) => world.report(error),
  )
  const state = file.load() ?? initialState(options.seed ?? freshSeed())
  const world: World = {
    state,
    random: createSeededSource(state.seed, state.position),
    events: createEventHub(),
    faults: createFaults(),
    serial: createSerial(),
    connections: new Set(),
    references: new Map(),
    loginFailures: new Map(),
    overtaken: new Map(),
    timelocks: new Map(),
    subscriptions: new Map(),
    heldBack: new Map(),
    deliveriesDue: new Map(),
    media: new Map(),
    historyChunks: new Map(),
    beforeUpload: new Map(),
    mediaTrouble: new Map(),
    phoneFiles: new Map(),
    mediaHost: () => mediaHost.host,
    camera: undefined,
    unhandled: [],
    counters: {},
    receiptDelayMs: options.receiptDelayMs ?? 250,
    host: () => `127.0.0.1:${port}`,
    changed: () => file.changed(),
    report: options.onError ?? (() => undefined),
    later(delayMs, task) {
      const timer = setTimeout(() => {
        due.delete(timer)
        task()
      }, delayMs)
      due.set(timer, task)
    },
  }
  const mediaHost = await createMediaHost(world)
  const whatsapp = createWhatsAppServer(world)
  const stopMagic = startMagic(world)
  const app = createControlApi(world, whatsapp)
  addPhonePage(app, join(dirname(fileURLToPath(import.meta.url)), 'phone', 'dist'))
  const listener = getRequestListener(app.fetch)
  const http = createServer((request, response) => void listener(request, response))
  const sockets = new WebSocketServer({ noServer: true, maxPayload: 32 * 1024 * 1024 })
  http.on('upgrade', (request, socket, head) => {
    const path = new URL(request.url ?? '/', 'http://127.0.0.1').pathname
    const refused = world.faults.take('refuse_upgrades', '*')
    if (refused) socket.end(`HTTP/1.1 ${refused.status ?? 503} Refused\r\nConnection: close\r\n\r\n`)
    else if (path === '/ws/chat') sockets.handleUpgrade(request, socket, head, (client) => whatsapp.accept(client))
    else socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n')
  })
  await new Promise<void>((resolve, reject) => {
    http.once('error', reject)
    http.listen(port, '127.0.0.1', resolve)
  }).catch(async (error: unknown) => {
    await mediaHost[Symbol.asyncDispose]()
    throw error
  })
  port = (http.address() as AddressInfo).port

  return {
    url: `http://127.0.0.1:${port}`,
    webSocketUrl: `ws://127.0.0.1:${port}/ws/chat`,
    mediaCaCert: mediaHost.authority.toString('base64'),
    rootCertKey: state.keys.root.public.toString('hex'),
    port,
    async [Symbol.asyncDispose]() {
      stopMagic()
      const closed = new Promise((resolve) => http.close(resolve))
      for (const connection of world.connections) connection.destroy()
      http.closeAllConnections()
      for (const [timer, task] of due) {
        clearTimeout(timer)
        task()
      }
      file.close()
      await mediaHost[Symbol.asyncDispose]()
      await closed
    },
  }
}
