import type { Hono } from 'hono'
import { holdAcknowledgements } from './acknowledge.ts'
import type { Connection } from './connection.ts'
import { ControlError } from './control-error.ts'
import { json, phone } from './control-request.ts'
import { airplaneBody, dropBody, loginFailureBody, unlinkBody } from './control-schemas.ts'
import { faultSchema, faultTable, type FaultRequest } from './faults.ts'
import { giveHistory } from './login.ts'
import { phoneView } from './phone-view.ts'
import { setAirplane } from './phone-inbox.ts'
import { warnOfFewPreKeys } from './prekeys.ts'
import { stanza } from './stanza.ts'
import type { Device, Person } from './state.ts'
import { unlink } from './unlink.ts'
import { connectionOf, findPerson, type World } from './world.ts'

/** The routes that make things go wrong: airplane mode, lost connections, refused logins, faults. */
export function addTroubleRoutes(app: Hono, world: World): void {
  app.post('/phones/:number/airplane', async (c) => {
    const person = phone(world, c)
    const { on } = airplaneBody.parse(await json(c))
    await setAirplane(world, person, on)
    for (const device of person.devices) giveHistory(world, person, device)
    return c.json(phoneView(world, person))
  })
  app.post('/phones/:number/drop', async (c) => {
    const person = phone(world, c)
    const body = dropBody.parse(await json(c))
    const connections = chosen(person, body.device)
      .map((device) => connectionOf(world, person, device))
      .filter((each) => each !== undefined)
    for (const connection of connections) drop(connection, 'how' in body ? body.how : body.code)
    return c.json({ dropped: connections.length })
  })
  app.post('/phones/:number/unlink', async (c) => {
    const person = phone(world, c)
    const devices = chosen(person, unlinkBody.parse(await json(c)).device)
    for (const device of devices) unlink(world, person, device, 'phone')
    return c.json({ unlinked: devices.length })
  })
  app.post('/phones/:number/login_failure', async (c) => {
    const { number } = phone(world, c)
    const { reason, times } = loginFailureBody.parse(await json(c))
    if (times === 0) world.loginFailures.delete(number)
    else world.loginFailures.set(number, { reason, times })
    return c.json({ reason, times })
  })
  app.get('/faults', (c) => c.json({ active: world.faults.list(), known: faultTable }))
  app.post('/faults', async (c) => {
    const request = faultSchema.parse(await json(c))
    const person = findPerson(world, request.number)
    if (!person)
      throw new ControlError(404, 'unknown_phone', 'There is no phone with this number. Make one with POST /phones.')
    setFault(world, person, { ...request, number: person.number })
    return c.json({ active: world.faults.list() })
  })
  app.delete('/faults', (c) => {
    for (const fault of world.faults.list()) {
      const person = findPerson(world, fault.number)
      if (person) setFault(world, person, { ...fault, on: false })
    }
    world.faults.clear()
    return c.json({ active: [] })
  })
}

/** Some faults act at once, the others when their moment comes. */
function setFault(world: World, person: Person, request: FaultRequest): void {
  if (request.fault === 'forget_sessions') {
    person.sessions = {}
    world.changed()
    return
  }
  if (request.fault === 'lose_prekeys') {
    for (const device of person.devices) {
      device.preKeys.splice(1)
      warnOfFewPreKeys(world, person, device)
    }
    return
  }
  world.faults.set(request)
  if (request.fault === 'hold_acks') holdAcknowledgements(world, person.number, request.on)
  if (request.fault !== 'silence') return
  for (const device of person.devices) {
    const connection = connectionOf(world, person, device)
    if (connection) connection.silent = request.on
  }
}

function chosen(person: Person, id: number | undefined): Device[] {
  const devices = person.devices.filter((device) => id === undefined || device.id === id)
  if (id !== undefined && devices.length === 0)
    throw new ControlError(404, 'unknown_device', 'This phone has no such device.')
  return devices
}

function drop(connection: Connection, how: 'clean' | 'dirty' | number): void {
  if (how === 'dirty') {
    connection.destroy()
    return
  }
  connection.send(how === 'clean' ? stanza('xmlstreamend') : streamError(how))
  connection.end()
}

/** 440 and 401 are told by a `<conflict>`, the others by their code. */
function streamError(code: number) {
  if (code === 440) return stanza('stream:error', {}, [stanza('conflict', { type: 'replaced' })])
  if (code === 401) return stanza('stream:error', { code }, [stanza('conflict', { type: 'device_removed' })])
  return stanza('stream:error', { code })
}
