import type { Message } from '#shared/message.ts'
import type { Catalogue } from '../language/catalogue-es.ts'

/** A system notice in words: what happened, who did it, whom it is about. A kind that is new here is named as a notice, never hidden. */
export function noticeSentence(message: Message, t: Catalogue, nameOf: (jid: string) => string): string {
  const { notice } = message.content
  if (!notice) return message.text_content ?? t.kinds.notice
  const sentence = Object.hasOwn(t.notices, notice.kind) ? t.notices[notice.kind as keyof Catalogue['notices']] : null
  if (!sentence) return message.text_content ?? t.kinds.notice
  const by = notice.by_me ? t.you : notice.by ? nameOf(notice.by) : ''
  const people = (notice.participants ?? []).map(nameOf).join(', ')
  const value = notice.kind === 'disappearing' ? t.timer(notice.seconds ?? 0) : (notice.value ?? '')
  return sentence(by, people, value)
}
