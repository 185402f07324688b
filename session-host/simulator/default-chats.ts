import { addContact, NAMES, unusedNumber } from './person.ts'
import { recordMessage, textContent } from './phone-record.ts'
import type { Person, Status } from './state.ts'
import { findPerson, messageId, seconds, type World } from './world.ts'

/** A message of an older conversation; `at` in seconds. */
export interface HistoryMessage {
  from_me: boolean
  text: string
  at: number
  id?: string | undefined
  status?: Status | undefined
}

/** Puts an older conversation on both phones, as if it had happened before; on the first, the last `unread` of the other's messages are unread. */
export function addHistory(
  world: World,
  person: Person,
  chat: { with: string; messages: HistoryMessage[]; unread?: number | undefined },
): void {
  const received = chat.messages.filter((each) => !each.from_me).length
  let unreadFrom = received - (chat.unread ?? 0)
  const other = findPerson(world, chat.with)
  const addressed = person.contacts.some((contact) => contact.number === chat.with && contact.saved) ? 'pn' : 'lid'
  for (const each of chat.messages) {
    const read = each.from_me || unreadFrom-- > 0
    const common = {
      id: each.id ?? messageId(world),
      at: each.at,
      via: 'history',
      addressed,
      content: textContent(each.text),
    } as const
    const status = each.status ?? (each.from_me ? 'read' : 'delivered')
    recordMessage(world, person, { ...common, with: chat.with, fromMe: each.from_me, status, read })
    const seen = read && !each.from_me ? 'read' : 'delivered'
    if (other)
      recordMessage(world, other, { ...common, with: person.number, fromMe: !each.from_me, status: seen, read: true })
  }
}

/** Three people one might know, and what was said lately. */
export function addDefaultChats(world: World, person: Person): void {
  const first = world.random.below(NAMES.length)
  for (const [index, talk] of TALKS.entries()) {
    const name = NAMES[(first + index * 3 + 1) % NAMES.length] ?? 'Ana'
    const contact = addContact(world, person, { number: unusedNumber(world), name })
    const messages = talk.messages.map(([from_me, minutesAgo, text]) => ({
      from_me,
      text,
      at: seconds() - minutesAgo * 60,
    }))
    addHistory(world, person, { with: contact.number, messages, unread: talk.unread })
  }
}

const TALKS: { unread: number; messages: [fromMe: boolean, minutesAgo: number, text: string][] }[] = [
  {
    unread: 1,
    messages: [
      [false, 1500, 'Buenos días, ¿está abierto el sábado por la mañana?'],
      [true, 1490, 'Sí, de 9:30 a 14:00. ¿Le reservo hora?'],
      [false, 1485, 'Por favor, a las diez si puede ser 🙂'],
      [true, 1480, 'Hecho. Sábado a las 10:00.'],
      [false, 25, 'Perdone, ¿podría ser a las once?'],
    ],
  },
  {
    unread: 0,
    messages: [
      [true, 4400, 'Te paso el presupuesto esta tarde.'],
      [false, 4390, 'Perfecto, sin prisa.'],
      [true, 4100, 'Son 1.240 € con IVA, montaje incluido.'],
      [false, 4080, 'Me encaja. ¿Cuándo empezaríais?'],
      [true, 4075, 'El lunes que viene, a primera hora.'],
    ],
  },
  {
    unread: 2,
    messages: [
      [false, 190, '¿Al final venís a cenar?'],
      [true, 185, 'Claro, llevamos nosotros el postre.'],
      [false, 60, '¡Qué bien! Traed la tarta de limón, que a la abuela le encanta'],
      [false, 58, 'A las nueve y media, ¿vale?'],
    ],
  },
]
