/** The screen that a phone shows; a chat names the other side's number. */
export type Screen = { name: 'chats' | 'settings' | 'devices' | 'scan' | 'code' } | { name: 'chat'; other: string }
