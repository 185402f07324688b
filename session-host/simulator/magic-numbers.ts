import type { SimulatorEvent } from './events.ts'
import { mediaContent, type MediaToSend } from './media-message.ts'
import { createPerson } from './person.ts'
import { read, say } from './phone.ts'
import { chatWith, editContent, messageIn, revokeContent, textContent } from './phone-record.ts'
import { sampleFile } from './sample-media.ts'
import type { Person } from './state.ts'
import { unlink } from './unlink.ts'
import { findPerson, type World } from './world.ts'

/** What somebody with a magic number does when a message arrives from `other`. */
type Behaviour = (world: World, person: Person, other: Person, text: string) => Promise<void> | void

/** Numbers +1 202 555 01xx with a behaviour of their own; who asks for them makes them. 0101 is nobody's. */
const MAGIC: Record<string, { name: string; arrived?: Behaviour }> = {
  '00': {
    name: 'Eco',
    async arrived(world, person, other, text) {
      read(world, person, other)
      await answer(world, person, other, text || '…')
    },
  },
  '02': { name: 'Nunca entregado' },
  '03': { name: 'Nunca leído' },
  '04': {
    name: 'Nota de voz',
    arrived(world, person, other) {
      world.later(VOICE_DELAY_MS, () => {
        void sendSample(world, person, other, { kind: 'voice' }).catch((error: unknown) => world.report(error))
      })
    },
  },
  '05': {
    name: 'Sin número',
    async arrived(world, person, other) {
      await answer(world, person, other, 'todavía sin número')
      person.numberHidden = false
      await answer(world, person, other, 'ahora con número')
      person.numberHidden = true
    },
  },
  '07': {
    name: 'Archivos difíciles',
    async arrived(world, person, other) {
      const file = Buffer.alloc(LARGE_BYTES, 'archivo grande ')
      await sendSample(world, person, other, { kind: 'document', file, mime: 'text/plain', fileName: 'grande.txt' })
      await sendSample(world, person, other, { kind: 'image', caption: 'caducada', trouble: 'expired' })
    },
  },
  '08': { name: 'Rechaza' },
  '09': { name: 'Acuse perdido' },
  '10': {
    name: 'Dos veces',
    async arrived(world, person, other) {
      world.faults.set({ fault: 'redeliver_messages', number: other.number, on: true, times: 1 })
      await answer(world, person, other, 'dos veces')
    },
  },
  '11': {
    name: 'Desordenado',
    async arrived(world, person, other) {
      const reorder = { fault: 'reorder_stanzas', number: other.number } as const
      world.faults.set({ ...reorder, on: true })
      await answer(world, person, other, 'primero')
      await answer(world, person, other, 'segundo')
      world.faults.set({ ...reorder, on: false })
    },
  },
  '12': {
    name: 'Ilegible',
    async arrived(world, person, other) {
      world.faults.set({ fault: 'corrupt_messages', number: other.number, on: true, times: 1 })
      await answer(world, person, other, 'ahora sí')
    },
  },
  '13': {
    name: 'Edita y borra',
    async arrived(world, person, other) {
      const { id } = await answer(world, person, other, 'con erata')
      const content = editContent(id, 'sin errata')
      await say(world, person, { to: other, content, addressed: 'lid' })
      const gone = await answer(world, person, other, 'esto se borra')
      await say(world, person, { to: other, content: revokeContent(gone.id), addressed: 'lid' })
    },
  },
  '14': {
    name: '<b>Hostil</b>',
    async arrived(world, person, other) {
      for (const text of HOSTILE) await answer(world, person, other, text)
    },
  },
  '15': {
    name: 'Desvincula',
    arrived(world, _person, other) {
      for (const device of other.devices) unlink(world, other, device, 'phone')
    },
  },
}

/** Makes the person behind a magic number, when somebody asks for it and there is none. */
export function conjure(world: World, number: string): Person | undefined {
  const magic = MAGIC[suffixOf(number) ?? '']
  if (!magic) return undefined
  const person = createPerson(world, { number, name: magic.name })
  person.magic = true
  if (suffixOf(number) === '02') person.airplane = true
  if (suffixOf(number) === '05') person.numberHidden = true
  return person
}

/** What the server does with a message to such a number: 0108 refuses it, 0109 never acknowledges. */
export function serverTrick(person: Person | undefined): 'refuse' | 'no_ack' | undefined {
  const suffix = person?.magic ? suffixOf(person.number) : undefined
  return suffix === '08' ? 'refuse' : suffix === '09' ? 'no_ack' : undefined
}

/** Lets the magic numbers answer from now on; returns the way to stop it. */
export function startMagic(world: World): () => void {
  return world.events.subscribe(undefined, (event: SimulatorEvent) => {
    if (event.type !== 'message.arrived') return
    const behaviour = MAGIC[suffixOf(event.number) ?? '']?.arrived
    const person = findPerson(world, event.number)
    const other = findPerson(world, String(event.with))
    if (!behaviour || !person?.magic || !other) return
    const text = messageIn(chatWith(person, other.number), String(event.message_id), false)?.text ?? ''
    void world
      .serial(`magic ${person.number}`, async () => behaviour(world, person, other, text))
      .catch((error: unknown) => world.report(error))
  })
}

const HOSTILE: readonly string[] = [
  'derecha a izquierda: \u202Egpj.exe\u202C',
  'familia: 👨‍👩‍👧‍👦, marcas: Z̷̢̛͉a̶͎l̵̰g̴o',
  '<script>alert(1)</script><img src=x onerror=alert(1)>',
  "'; drop table messages; --",
  'x'.repeat(65_000),
]

const VOICE_DELAY_MS = 5_000
const LARGE_BYTES = 16 * 1024 * 1024

async function sendSample(
  world: World,
  person: Person,
  other: Person,
  media: Partial<MediaToSend> & Pick<MediaToSend, 'kind'>,
): Promise<void> {
  const { content } = mediaContent(world, { ...sampleFile(media.kind), ...media })
  await say(world, person, { to: other, content, addressed: 'lid' })
}

function suffixOf(number: string): string | undefined {
  return /^120255501(\d\d)$/.exec(number)?.[1]
}

function answer(world: World, person: Person, other: Person, text: string): Promise<{ id: string; at: number }> {
  return say(world, person, { to: other, content: textContent(text), addressed: 'lid' })
}
