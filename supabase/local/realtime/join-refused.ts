/** Why a channel may not be joined or kept: Realtime's code and sentence, `<code>: <sentence>` on the wire. */
export class JoinRefused extends Error {
  readonly code: string

  constructor(code: string, sentence: string) {
    super(sentence)
    this.code = code
  }

  get reason(): string {
    return `${this.code}: ${this.message}`
  }
}
