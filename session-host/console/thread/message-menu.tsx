import type { ReactNode } from 'react'
import type { Message } from '#shared/message.ts'
import { errorSentence } from '../api/error-sentence.ts'
import { useLanguage } from '../language/language.tsx'
import { Menu, type MenuItem } from '../menu.tsx'
import { useParts } from '../parts.ts'
import { reactionsOf } from './interactions.ts'
import { isEditable, isUsable, useMessageActions } from './message-actions.ts'

const quickEmojis = ['👍', '❤️', '😂', '😮', '😢', '🙏']

/** What can be done with one message. The feed has one tab stop, its article: Enter leads on to this. */
export function MessageMenu({ message }: { message: Message }): ReactNode {
  const { t } = useLanguage()
  const { rest, announcer } = useParts()
  const { reply, ask } = useMessageActions()
  const usable = isUsable(message)
  const text = message.revoked_at === null ? message.text_content : null
  if (!usable && text === null) return null

  function items(): MenuItem[] {
    const mine = reactionsOf(message.interactions).find((reaction) => reaction.mine)?.emoji
    const emojis = mine === undefined || quickEmojis.includes(mine) ? quickEmojis : [mine, ...quickEmojis]
    const own = usable && message.from_me
    return [
      ...(usable ? emojis.map((emoji) => reaction(emoji, emoji === mine)) : []),
      ...(usable ? [{ name: t.reply, icon: 'reply', onChoose: () => reply(message) } as const] : []),
      ...(text !== null && text !== ''
        ? [{ name: t.copyText, icon: 'copy', onChoose: () => copy(text) } as const]
        : []),
      ...(usable && !message.content.view_once ? [question('forward', t.forward, 'forward')] : []),
      ...(own && isEditable(message) ? [question('edit', t.edit, 'edit')] : []),
      ...(own ? [{ ...question('delete', t.deleteForAll, 'trash'), danger: true }] : []),
    ]
  }

  function reaction(emoji: string, chosen: boolean): MenuItem {
    return {
      name: chosen ? t.unreact(emoji) : t.reactWith(emoji),
      sign: emoji,
      checked: chosen,
      onChoose: () => {
        const request = { messageId: message.id, emoji: chosen ? null : emoji }
        rest.act('react', request, crypto.randomUUID()).catch((error: unknown) => {
          announcer.show(errorSentence(error, t))
        })
      },
    }
  }

  function question(kind: 'edit' | 'delete' | 'forward', name: string, icon: 'edit' | 'trash' | 'forward'): MenuItem {
    return { name, icon, onChoose: () => ask({ kind, message }) }
  }

  function copy(words: string): void {
    void navigator.clipboard.writeText(words).then(() => announcer.show(t.copied))
  }

  return <Menu name={t.actionsFor} className="message-menu" tabIndex={-1} items={items} />
}
