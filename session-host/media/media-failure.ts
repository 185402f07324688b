import type { ErrorCode } from '#shared/errors.ts'

/** Why a medium can't be had or sent, for good: a code of the error table. What else is thrown is trouble that may pass. */
export class MediaFailure extends Error {
  override readonly name = 'MediaFailure'
  readonly code: ErrorCode
  /** `detail` is for logs: no name, no address. */
  constructor(code: ErrorCode, detail: string = code) {
    super(detail)
    this.code = code
  }
}
