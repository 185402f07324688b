import { useEffect } from 'react'
import { useObservable } from '../live/observable.ts'
import { useParts } from '../parts.ts'

/** Asks to be told when the other side types or is online, while the chat is open. */
export function useWatch(conversationId: string): void {
  const { live } = useParts()
  const { joined } = useObservable(live.state)
  useEffect(() => {
    if (joined) live.setPresence('watch', conversationId)
  }, [joined, conversationId, live])
}
