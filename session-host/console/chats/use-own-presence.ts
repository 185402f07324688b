import { useEffect } from 'react'
import { useObservable } from '../live/observable.ts'
import { useParts } from '../parts.ts'

/** Online while the page is looked at: WhatsApp tells what others do only to who is online. */
export function useOwnPresence(connected: boolean): void {
  const { live } = useParts()
  const { joined } = useObservable(live.state)
  useEffect(() => {
    if (!joined || !connected) return
    const say = (): void => live.setPresence(document.visibilityState === 'visible' ? 'available' : 'unavailable')
    say()
    document.addEventListener('visibilitychange', say)
    return () => {
      document.removeEventListener('visibilitychange', say)
      live.setPresence('unavailable')
    }
  }, [joined, connected, live])
}
