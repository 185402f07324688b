import type { Hono } from 'hono'
import type { z } from 'zod'
import { encodeBinaryNode } from '@whiskeysockets/baileys/lib/WABinary/index.js'
import { holdAcknowledgements } from './acknowledge.ts'
import type { Connection } from './connection.ts'
import { ControlError } from './control-error.ts'
import { json, phone } from './control-request.ts'
import { airplaneBody, dropBody, loginFailureBody, unlinkBody } from './control-schemas.ts'
import { faultSchema, faultTable, type FaultRequest } from './faults.ts'
import { serviceWorker } from './client-revision.ts'
import { giveHistory } from './login.ts'
import { phoneView } from './phone-view.ts'
import { setAirplane } from './phone-inbox.ts'
import { warnOfFewPreKeys } from './prekeys.ts'
import { announceCap, announceTimelock } from './restrictions.ts'
import { SERVER, stanza, type Stanza } from './stanza.ts'
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
    for (const connection of connections) drop(connection, body)
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
    const everybody = [
      'refuse_upgrades',
      'refuse_uploads',
      'refuse_downloads',
      'damage_downloads',
      'outdated_client',
    ].includes(request.fault)
    if (everybody) {
      world.faults.set({ ...request, number: '*' })
      return c.json({ active: world.faults.list() })
    }
    const person = findPerson(world, request.number)
    if (!person)
      throw new ControlError(404, 'unknown_phone', 'There is no phone with this number. Make one with POST /phones.')
    setFault(world, person, { ...request, number: person.number })
    return c.json({ active: world.faults.list() })
  })
  app.get('/sw.js', (c) => c.text(serviceWorker(world), 200, { 'Content-Type': 'text/javascript' }))
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
  const connections = person.devices
    .map((device) => connectionOf(world, person, device))
    .filter((each) => each !== undefined)
  const bytes = badFrame(request)
  if (bytes) {
    for (const connection of connections) connection.sendBytes(bytes, request.fault !== 'bad_frame')
    return
  }
  world.faults.set(request)
  if (request.fault === 'reachout_timelock') announceTimelock(world, person, request)
  if (request.fault === 'message_cap') announceCap(world, person, request.on)
  if (request.fault === 'hold_acks') holdAcknowledgements(world, person.number, request.on)
  if (request.fault === 'reorder_stanzas' && !request.on) releaseOvertaken(world, connections)
  for (const connection of connections) {
    if (request.fault === 'silence') connection.silent = request.on
    if (request.fault === 'half_open') connection.halfOpen(request.on)
  }
}

function badFrame(request: FaultRequest): Uint8Array | undefined {
  if (request.fault === 'bad_frame') return Buffer.alloc(64, 7)
  // Flag 0 (not compressed), then a list of three whose tag is a token that does not exist.
  if (request.fault === 'undecodable_stanza') return Buffer.from([0, 248, 3, 239, 255, 255])
  if (request.fault !== 'oversized_frame') return undefined
  return encodeBinaryNode(stanza('simulator_oversized', {}, Buffer.alloc(request.bytes ?? OVERSIZED)))
}

/** Nearly all that a frame's three length bytes can say. */
const OVERSIZED = 16_777_000

function releaseOvertaken(world: World, connections: Connection[]): void {
  for (const connection of connections) {
    world.overtaken.get(connection)?.()
    world.overtaken.delete(connection)
  }
}

function chosen(person: Person, id: number | undefined): Device[] {
  const devices = person.devices.filter((device) => id === undefined || device.id === id)
  if (id !== undefined && devices.length === 0)
    throw new ControlError(404, 'unknown_device', 'This phone has no such device.')
  return devices
}

function drop(connection: Connection, body: z.output<typeof dropBody>): void {
  if ('how' in body && body.how === 'dirty') {
    connection.destroy()
    return
  }
  connection.send(farewell(body))
  connection.end()
}

function farewell(body: z.output<typeof dropBody>): Stanza {
  if ('code' in body) return streamError(body.code)
  if ('error' in body) {
    const reason = stanza(body.error, body.type === undefined ? {} : { type: body.type })
    return stanza('stream:error', {}, [reason])
  }
  return body.how === 'downgrade'
    ? stanza('ib', { from: SERVER }, [stanza('downgrade_webclient')])
    : stanza('xmlstreamend')
}

/** 440 and 401 are told by a `<conflict>`, the others by their code. */
function streamError(code: number): Stanza {
  if (code === 440) return stanza('stream:error', {}, [stanza('conflict', { type: 'replaced' })])
  if (code === 401) return stanza('stream:error', { code }, [stanza('conflict', { type: 'device_removed' })])
  return stanza('stream:error', { code })
}
