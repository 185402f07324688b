/** A request of the control API that cannot be done; becomes `{error:{code,message}}` with the status. */
export class ControlError extends Error {
  readonly status: 400 | 403 | 404 | 409 | 410 | 413 | 422 | 504
  readonly code: string

  constructor(status: ControlError['status'], code: string, message: string) {
    super(message)
    this.status = status
    this.code = code
  }
}
