import { useEffect, useRef } from 'react'
import { useParts } from '../parts.ts'

const repeatMs = 10_000
const idleMs = 5_000

/** Shows the other side that one types: at the first key and now and then, and that it ended, by itself or when sent. */
export function useTyping(conversationId: string): { typed: () => void; stopped: () => void } {
  const { live } = useParts()
  const last = useRef(0)
  const idle = useRef<ReturnType<typeof setTimeout>>(undefined)

  function stopped(): void {
    clearTimeout(idle.current)
    if (last.current === 0) return
    last.current = 0
    live.setPresence('paused', conversationId)
  }
  useEffect(
    () => () => {
      clearTimeout(idle.current)
      if (last.current > 0) live.setPresence('paused', conversationId)
    },
    [live, conversationId],
  )
  return {
    stopped,
    typed: () => {
      clearTimeout(idle.current)
      idle.current = setTimeout(stopped, idleMs)
      if (Date.now() - last.current < repeatMs) return
      last.current = Date.now()
      live.setPresence('composing', conversationId)
    },
  }
}
