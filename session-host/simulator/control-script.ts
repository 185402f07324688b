import type { Hono } from 'hono'
import { z } from 'zod'
import { ControlError } from './control-error.ts'
import { json } from './control-request.ts'
import type { SimulatorEvent } from './events.ts'
import type { World } from './world.ts'

/** A script: control requests, each after a delay or after an event. */
interface Script {
  id: string
  state: 'running' | 'finished' | 'stopped' | 'failed'
  /** The step it is at, from 0. */
  step: number
  steps: number
  answers: { status: number; body: unknown }[]
  stop: AbortController
}

/** `POST /scripts`: does a list of control requests at their times, so that a test can plan trouble for the moment of an event. */
export function addScriptRoutes(app: Hono, world: World): void {
  const scripts = new Map<string, Script>()

  app.post('/scripts', async (c) => {
    const { steps } = scriptBody.parse(await json(c))
    const script: Script = {
      id: `script-${scripts.size + 1}`,
      state: 'running',
      step: 0,
      steps: steps.length,
      answers: [],
      stop: new AbortController(),
    }
    scripts.set(script.id, script)
    void run(script, steps).catch((error: unknown) => {
      script.state = 'failed'
      world.report(error)
    })
    return c.json(view(script), 202)
  })
  app.get('/scripts/:id', (c) => c.json(view(found(c.req.param('id')))))
  app.delete('/scripts/:id', (c) => {
    const script = found(c.req.param('id'))
    script.stop.abort()
    if (script.state === 'running') script.state = 'stopped'
    return c.json(view(script))
  })

  async function run(script: Script, steps: z.output<typeof scriptBody>['steps']): Promise<void> {
    for (const step of steps) {
      if (step.on) await event(world, step.on, step.count, script.stop.signal)
      if (step.after_ms) await delay(world, step.after_ms)
      if (script.stop.signal.aborted) return
      const body = step.body === undefined ? {} : { body: JSON.stringify(step.body) }
      const headers = { 'Content-Type': 'application/json', Host: world.host() }
      const response = await app.request(`http://${world.host()}${step.path}`, {
        method: step.method,
        headers,
        ...body,
      })
      script.answers.push({ status: response.status, body: await response.json() })
      script.step++
      if (response.status < 400) continue
      script.state = 'failed'
      return
    }
    script.state = 'finished'
    world.events.publish('script.finished', '', { script: script.id })
  }

  function found(id: string): Script {
    const script = scripts.get(id)
    if (!script) throw new ControlError(404, 'unknown_script', 'There is no such script.')
    return script
  }
}

const scriptBody = z.strictObject({
  steps: z
    .array(
      z.strictObject({
        /** Fields that the awaited event must have; `type` and `number` are usual. */
        on: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
        count: z.number().int().min(1).max(1_000_000).default(1),
        after_ms: z.number().int().min(0).max(3_600_000).optional(),
        method: z.enum(['GET', 'POST', 'PUT', 'DELETE']).default('POST'),
        path: z.string().startsWith('/'),
        body: z.unknown().optional(),
      }),
    )
    .min(1)
    .max(1000),
})

function event(world: World, wanted: Record<string, unknown>, count: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  let left = count
  const stop = world.events.subscribe(undefined, (each: SimulatorEvent) => {
    if (!Object.entries(wanted).every(([name, value]) => each[name] === value)) return
    if (--left <= 0) resolve()
  })
  signal.addEventListener('abort', () => resolve())
  return promise.finally(stop)
}

function delay(world: World, ms: number): Promise<void> {
  return new Promise((resolve) => world.later(ms, resolve))
}

function view({ id, state, step, steps, answers }: Script) {
  return { id, state, step, steps, answers }
}
