import { useSyncExternalStore } from 'react'

/** The open chat's id, from the address (`#/chat/<id>`), so that the browser's back button closes a chat. */
export function useOpenChat(): string | null {
  return useSyncExternalStore(subscribe, openChat)
}

/** The message that the address leads to in the open chat (`#/chat/<id>/<message id>`). */
export function useOpenMessage(): string | null {
  return useSyncExternalStore(subscribe, () => place()?.[2] ?? null)
}

export function chatHref(id: string, messageId?: string): string {
  return messageId === undefined ? `#/chat/${id}` : `#/chat/${id}/${messageId}`
}

export function openChatAt(id: string | null, replace = false): void {
  if (replace) {
    history.replaceState(null, '', id === null ? '#' : chatHref(id))
    window.dispatchEvent(new HashChangeEvent('hashchange'))
  } else location.hash = id === null ? '' : chatHref(id)
}

function openChat(): string | null {
  return place()?.[1] ?? null
}

function place(): RegExpExecArray | null {
  return /^#\/chat\/([\w-]+)(?:\/([\w-]+))?$/.exec(location.hash)
}

function subscribe(listener: () => void): () => void {
  window.addEventListener('hashchange', listener)
  return () => window.removeEventListener('hashchange', listener)
}
