import type { Catalogue } from '../language/catalogue-es.ts'
import { RestError } from './rest-client.ts'

/** A sentence for any error of the REST client: the server's own where it gave one. */
export function errorSentence(error: unknown, t: Catalogue): string {
  if (error instanceof RestError) {
    if (error.code === 'offline') return t.errors.offline
    if (error.message) return error.message
  }
  return t.errors.other
}
