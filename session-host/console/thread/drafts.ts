const prefix = 'console.draft.'

/** What was being written in a conversation; kept in this browser until sent or signed out. */
export function readDraft(conversationId: string): string {
  return localStorage.getItem(prefix + conversationId) ?? ''
}

export function writeDraft(conversationId: string, text: string): void {
  if (text.trim() === '') localStorage.removeItem(prefix + conversationId)
  else localStorage.setItem(prefix + conversationId, text)
}

export function clearDrafts(): void {
  for (const key of Object.keys(localStorage)) if (key.startsWith(prefix)) localStorage.removeItem(key)
}
