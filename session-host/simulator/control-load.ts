import type { Context, Hono } from 'hono'
import { z } from 'zod'
import { ControlError } from './control-error.ts'
import { json } from './control-request.ts'
import { createLoad, type Load } from './load.ts'
import { loadOutcome, loadReport } from './load-report.ts'
import { findPerson, type World } from './world.ts'

/** The load generator's routes. */
export function addLoadRoutes(app: Hono, world: World): void {
  const loads = new Map<string, Load>()

  app.post('/load', async (c) => {
    const { accounts, two_way: twoWay, as: addressed, start, ...rest } = loadBody.parse(await json(c))
    const people = accounts
      ? accounts.map((each) => findPerson(world, each))
      : world.state.people.filter((each) => each.devices.length > 0)
    const known = people.filter((each) => each !== undefined)
    if (known.length !== people.length)
      throw new ControlError(404, 'unknown_phone', 'One of the accounts has no phone.')
    if (known.length === 0) throw new ControlError(409, 'no_companion', 'No phone has a linked device yet.')
    const id = `load-${loads.size + 1}`
    const load = createLoad(world, id, { ...rest, accounts: known, twoWay, addressed }, start)
    loads.set(id, load)
    return c.json(loadReport(load, false), 202)
  })
  app.get('/load', (c) => c.json({ loads: [...loads.values()].map((each) => loadReport(each, false)) }))
  app.get('/load/:id', (c) => c.json(loadReport(found(c), c.req.query('messages') !== undefined)))
  app.post('/load/:id/start', (c) => {
    const load = found(c)
    if (load.state !== 'ready') throw new ControlError(409, 'not_ready', `The load is ${load.state}.`)
    load.start()
    return c.json(loadReport(load, false))
  })
  app.post('/load/:id/outcome', async (c) =>
    c.json(loadOutcome(found(c).messages, outcomeBody.parse(await json(c)).texts)),
  )
  app.delete('/load/:id', (c) => {
    const load = found(c)
    load[Symbol.dispose]()
    loads.delete(load.id)
    return c.json(loadReport(load, false))
  })

  function found(c: Context): Load {
    const load = loads.get(c.req.param('id') ?? '')
    if (!load) throw new ControlError(404, 'unknown_load', 'There is no such load.')
    return load
  }
}

const loadBody = z.strictObject({
  accounts: z.array(z.string()).min(1).optional(),
  contacts: z.number().int().min(1).max(1000).default(1),
  messages: z.number().int().min(1).max(1_000_000),
  rate: z.number().positive().max(100_000),
  two_way: z.number().min(0).max(1).default(0),
  prepare: z.boolean().default(false),
  start: z.boolean().default(true),
  length: z.number().int().min(0).max(65_536).default(0),
  as: z.enum(['lid', 'pn']).default('lid'),
})

const outcomeBody = z.strictObject({ texts: z.array(z.string()) })
