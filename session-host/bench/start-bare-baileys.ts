import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'
import type { SimulatorProcess } from '../tests/crash/start-simulator-process.ts'

export interface BareBaileys extends AsyncDisposable {
  pid: number
  ask<T>(order: object): Promise<T>
}

/** Stock Baileys in a process of its own, linked to phones of its own; it ends with this one, whose pipe it reads. */
export async function startBareBaileys(simulator: SimulatorProcess, count: number): Promise<BareBaileys> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'bare-baileys.ts')], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { PATH: process.env['PATH'] ?? '' },
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  async function ask<T>(order: object): Promise<T> {
    child.stdin.write(`${JSON.stringify(order)}\n`)
    const { value, done } = await lines.next()
    if (done) throw new Error('bare Baileys ended')
    return JSON.parse(value) as T
  }
  const numbers = Array.from({ length: count }, (_, at) => `346${String(80_000_000 + at)}`)
  for (const number of numbers)
    await simulator.control.post('/phones', { number, name: `Sin más ${number}`, contacts: [], history: [] })
  await ask({
    do: 'link',
    webSocketUrl: simulator.environment['WHATSAPP_WEB_SOCKET_URL'],
    controlUrl: simulator.url,
    numbers,
  })
  return {
    pid: child.pid ?? 0,
    ask,
    async [Symbol.asyncDispose]() {
      child.stdin.end()
      child.kill()
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    },
  }
}

/** The phones that bare Baileys is linked to. */
export function bareNumbers(count: number): string[] {
  return Array.from({ length: count }, (_, at) => `346${String(80_000_000 + at)}`)
}
