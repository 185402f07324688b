/** What WhatsApp's server said of a message stanza; `interrupted` when the connection ended or the stanza never left. */
export type Answer =
  | { kind: 'acked' }
  | { kind: 'refused'; error: string }
  | { kind: 'timeout' }
  | { kind: 'interrupted' }

/** Who waits for which acknowledgement, by WhatsApp's message id. */
export interface Answers {
  /**
   * Hands a stanza over and waits for the server's answer to it. An answer that comes while the socket still works on the stanza counts;
   * a hand-over that fails ends the waiting and rejects with its error.
   */
  during(waId: string, handOver: () => Promise<void>): Promise<Answer>
  /** The server has acknowledged a message, or refused it with an error code. */
  settle(waId: string, error: string | undefined): void
  /** The connection is gone: nobody is answered any more. */
  interrupt(): void
}

/** Waits at most `timeoutMs` for each answer. */
export function createAnswers(timeoutMs: number): Answers {
  const waiting = new Map<string, (answer: Answer) => void>()

  function expect(waId: string): { promise: Promise<Answer>; cancel: () => void } {
    const { promise, resolve } = Promise.withResolvers<Answer>()
    const timeout = setTimeout(() => done({ kind: 'timeout' }), timeoutMs)
    function done(answer: Answer): void {
      clearTimeout(timeout)
      // A later try of the same message may be waiting under the same id.
      if (waiting.get(waId) === done) waiting.delete(waId)
      resolve(answer)
    }
    waiting.set(waId, done)
    return { promise, cancel: () => done({ kind: 'interrupted' }) }
  }

  return {
    async during(waId, handOver) {
      const answer = expect(waId)
      await handOver().catch((error: unknown) => {
        answer.cancel()
        throw error
      })
      return answer.promise
    },
    settle(waId, error) {
      waiting.get(waId)?.(error === undefined ? { kind: 'acked' } : { kind: 'refused', error })
    },
    interrupt() {
      for (const done of waiting.values()) done({ kind: 'interrupted' })
    },
  }
}
