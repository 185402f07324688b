import type { Catalogue } from '../language/catalogue-es.ts'
import type { Activity } from '../live/presence-board.ts'

/** What somebody does now, in words; empty when that is nothing. Names are for groups. */
export function presenceLine(
  activity: Activity | undefined,
  t: Catalogue,
  nameOf: ((jid: string) => string) | null,
): string {
  if (!activity) return ''
  const name = activity.participant !== null && nameOf ? nameOf(activity.participant) : ''
  switch (activity.state) {
    case 'composing':
      return name ? t.typingBy(name) : t.typing
    case 'recording':
      return name ? t.recordingBy(name) : t.recording
    case 'available':
      return nameOf ? '' : t.onlineNow
    case 'unavailable':
      return ''
    default:
      return activity.state satisfies never
  }
}
