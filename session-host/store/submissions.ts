import { wasRolledBack } from './was-rolled-back.ts'

/** A plain text that a user submits. */
export interface PlainText {
  conversation: string
  text: string
  key: string | null
}

/** What a user submits: alone, or together with the plain texts before and behind it. */
export interface Submission<T> {
  userId: string
  /** null for what is no plain text. */
  plain: PlainText | null
  alone: () => Promise<T>
}

/** What users submit through this host: each user's in the order in which it was given. */
export interface Submissions<T> {
  /** Resolves after the commit. */
  add(submission: Submission<T>): Promise<T>
}

interface Waiting<T> extends Submission<T> {
  resolve: (result: T) => void
  reject: (error: unknown) => void
}

/** Texts that go together at most. */
const largest = 64

/**
 * While something of a user is being stored, what the user submits meanwhile waits, and the plain texts among it go together in their
 * order. `together` stores all of them or none, and answers each; what it refuses goes one by one, so that each gets an answer of its own.
 * When its answer is lost, all of them fail with that.
 *
 * @see Submissions
 */
export function createSubmissions<T>(together: (userId: string, texts: PlainText[]) => Promise<T[]>): Submissions<T> {
  const queues = new Map<string, Waiting<T>[]>()

  async function drain(userId: string, waiting: Waiting<T>[]): Promise<void> {
    while (waiting.length > 0) await store(userId, waiting.splice(0, countOfGroup(waiting)))
    queues.delete(userId)
  }

  async function store(userId: string, group: Waiting<T>[]): Promise<void> {
    const texts = group.flatMap(({ plain }) => plain ?? [])
    if (texts.length > 1) {
      try {
        const results = await together(userId, texts)
        return group.forEach(({ resolve }, at) => resolve(results[at] as T))
      } catch (error) {
        // Submitted again, what was stored after all would be sent twice: whether to, those who asked decide.
        if (!wasRolledBack(error)) return group.forEach(({ reject }) => reject(error))
      }
    }
    for (const { alone, resolve, reject } of group) await alone().then(resolve, reject)
  }

  return {
    add: (submission) =>
      new Promise((resolve, reject) => {
        const item = { ...submission, resolve, reject }
        const waiting = queues.get(submission.userId)
        if (waiting) return void waiting.push(item)
        const fresh = [item]
        queues.set(submission.userId, fresh)
        void drain(submission.userId, fresh)
      }),
  }
}

/** Plain texts in a row, no idempotency key twice; or one of something else. */
function countOfGroup(waiting: { plain: PlainText | null }[]): number {
  const keys = new Set<string>()
  let count = 0
  for (const { plain } of waiting) {
    if (!plain || count === largest || (plain.key !== null && keys.has(plain.key))) break
    if (plain.key !== null) keys.add(plain.key)
    count += 1
  }
  return Math.max(count, 1)
}
