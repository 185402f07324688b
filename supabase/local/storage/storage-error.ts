import { DatabaseError } from 'pg'

/**
 * An answer other than success, in the shape of storage-api (https://supabase.com/docs/guides/storage/debugging/error-codes). As
 * there, the HTTP status is 400 for almost everything, and the real one stands in the body.
 */
export class StorageError extends Error {
  readonly status: number
  readonly code: string
  readonly error: string
  readonly httpStatus: number

  constructor(status: number, code: string, message: string, error = code, httpStatus = status === 500 ? 500 : 400) {
    super(message)
    this.status = status
    this.code = code
    this.error = error
    this.httpStatus = httpStatus
  }

  toResponse(): Response {
    const { code, error, message } = this
    return Response.json({ statusCode: String(this.status), error, message, code }, { status: this.httpStatus })
  }
}

export const noSuchBucket = (): StorageError =>
  new StorageError(404, 'NoSuchBucket', 'Bucket not found', 'Bucket not found')
export const noSuchKey = (): StorageError => new StorageError(404, 'NoSuchKey', 'Object not found', 'not_found')
export const invalidKey = (key: string): StorageError => new StorageError(400, 'InvalidKey', `Invalid key: ${key}`)
export const invalidRequest = (message: string): StorageError => new StorageError(400, 'InvalidRequest', message)
export const accessDenied = (message: string): StorageError =>
  new StorageError(403, 'AccessDenied', message, 'Unauthorized')
export const alreadyExists = (): StorageError =>
  new StorageError(409, 'KeyAlreadyExists', 'The resource already exists', 'Duplicate')
export const tooLarge = (): StorageError =>
  new StorageError(413, 'EntityTooLarge', 'The object exceeded the maximum allowed size', 'Payload too large')
export const notHere = (what: string): StorageError =>
  new StorageError(501, 'NotSupported', `${what} not part of the embedded Storage.`, 'NotSupported', 501)

/** What the database refused, as storage-api says it; `undefined` for anything that is a failure and not a refusal. */
export function fromDatabase(error: unknown): StorageError | undefined {
  if (!(error instanceof DatabaseError)) return undefined
  if (error.code === '42501') return accessDenied(error.message.replace(/ for table .*$/, ''))
  if (error.code === '23505') return alreadyExists()
  if (error.code === '23503') return noSuchBucket()
  if (error.code === '57014')
    return new StorageError(544, 'DatabaseTimeout', 'The connection to the database timed out', 'DatabaseTimeout', 544)
  return undefined
}
