import type { Connection } from './connection.ts'
import { answerAppState } from './iq-app-state.ts'
import {
  answerBlocklist,
  answerMediaConnection,
  answerMex,
  answerPicture,
  answerPrivacy,
  answerProps,
  answerStatus,
} from './iq-account.ts'
import { answerGroups } from './iq-groups.ts'
import { failIq, replyIq } from './iq-reply.ts'
import { activate } from './login.ts'
import { answerEncryptIq } from './prekeys.ts'
import { child, type Stanza } from './stanza.ts'
import { answerUsync } from './usync.ts'
import { answerRemoval } from './unlink.ts'
import { recordUnhandled, type World } from './world.ts'

/** Answers a query by its `xmlns`. What nobody knows is recorded and answered with error 501. */
export function answerIq(world: World, connection: Connection, query: Stanza): void {
  if (query.attrs.type === 'result' || query.attrs.type === 'error') return
  const number = connection.login?.person.number ?? ''
  const limit = world.faults.get('rate_overlimit', number)
  if (limit && (limit.xmlns === undefined || limit.xmlns === query.attrs.xmlns)) {
    world.faults.take('rate_overlimit', number)
    failIq(connection, query, 429, 'rate-overlimit')
    return
  }
  const answer = answers[query.attrs.xmlns ?? '']
  if (answer?.(world, connection, query)) return
  recordUnhandled(world, connection, query)
  failIq(connection, query, 501, 'feature-not-implemented')
}

/** True when it answered. */
type Answer = (world: World, connection: Connection, query: Stanza) => boolean

const answers: Record<string, Answer> = {
  'w:p': plain,
  'w:stats': plain,
  'urn:xmpp:whatsapp:dirty': plain,
  passive: (world, connection, query) => {
    replyIq(connection, query)
    if (child(query, 'active')) activate(world, connection)
    return true
  },
  encrypt: answerEncryptIq,
  usync: answerUsync,
  abt: answerProps,
  blocklist: answerBlocklist,
  privacy: answerPrivacy,
  'w:sync:app:state': answerAppState,
  'w:profile:picture': answerPicture,
  'w:m': answerMediaConnection,
  'w:mex': answerMex,
  'w:g2': answerGroups,
  status: answerStatus,
  md: answerRemoval,
}

function plain(_world: World, connection: Connection, query: Stanza): boolean {
  replyIq(connection, query)
  return true
}
