import { useSyncExternalStore } from 'react'

const prefix = 'phone.keepsUnread.'
const listeners = new Set<() => void>()

/** Whether a phone reads what arrives while the chat is open; kept per phone in this browser. */
export function useAutoRead(number: string): [boolean, (on: boolean) => void] {
  const on = useSyncExternalStore(subscribe, () => localStorage.getItem(prefix + number) === null)
  return [
    on,
    (next) => {
      if (next) localStorage.removeItem(prefix + number)
      else localStorage.setItem(prefix + number, '1')
      for (const listener of listeners) listener()
    },
  ]
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}
