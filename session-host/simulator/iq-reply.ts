import type { Connection } from './connection.ts'
import { SERVER, stanza, type Stanza } from './stanza.ts'

/** Answers a query with its result. */
export function replyIq(connection: Connection, query: Stanza, content?: Stanza[]): void {
  connection.send(stanza('iq', { id: query.attrs.id, from: SERVER, type: 'result' }, content))
}

/** Answers a query with an error; the client sees `code` as its data. */
export function failIq(connection: Connection, query: Stanza, code: number, text: string): void {
  const error = stanza('error', { code, text })
  connection.send(stanza('iq', { id: query.attrs.id, from: SERVER, type: 'error' }, [error]))
}
