import { createObservable, type Observable } from './observable.ts'

/** What assistive technology is told, and what passes by on screen. */
export interface Announcer {
  /** Content of the polite live region. */
  spoken: Observable<string>
  /** A short notice on screen that goes away by itself. */
  notice: Observable<string>
  say: (sentence: string) => void
  show: (sentence: string) => void
  /** A new message of this chat; several within a moment become one sentence. */
  incoming: (conversationId: string, name: string) => void
}

export function createAnnouncer(sentences: {
  from: (count: number, name: string) => string
  inChats: (count: number, chats: number) => string
}): Announcer {
  const spoken = createObservable('')
  const notice = createObservable('')
  let batch: { conversationId: string; name: string }[] = []
  let noticeTimer: ReturnType<typeof setTimeout> | undefined

  function flush(): void {
    const chats = new Set(batch.map(({ conversationId }) => conversationId)).size
    const name = batch[0]?.name ?? ''
    spoken.set(chats === 1 ? sentences.from(batch.length, name) : sentences.inChats(batch.length, chats))
    batch = []
  }

  return {
    spoken,
    notice,
    say: spoken.set,
    show: (sentence) => {
      clearTimeout(noticeTimer)
      notice.set(sentence)
      spoken.set(sentence)
      noticeTimer = setTimeout(() => notice.set(''), 6_000)
    },
    incoming: (conversationId, name) => {
      batch.push({ conversationId, name })
      if (batch.length === 1) setTimeout(flush, 1_200)
    },
  }
}
