import { useSyncExternalStore } from 'react'

/** The open chat's id, from the address (`#/chat/<id>`), so that the browser's back button closes a chat. */
export function useOpenChat(): string | null {
  return useSyncExternalStore(subscribe, openChat)
}

export function chatHref(id: string): string {
  return `#/chat/${id}`
}

export function openChatAt(id: string | null, replace = false): void {
  if (replace) {
    history.replaceState(null, '', id === null ? '#' : chatHref(id))
    window.dispatchEvent(new HashChangeEvent('hashchange'))
  } else location.hash = id === null ? '' : chatHref(id)
}

function openChat(): string | null {
  return /^#\/chat\/([\w-]+)$/.exec(location.hash)?.[1] ?? null
}

function subscribe(listener: () => void): () => void {
  window.addEventListener('hashchange', listener)
  return () => window.removeEventListener('hashchange', listener)
}
