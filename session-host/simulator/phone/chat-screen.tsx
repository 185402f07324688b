import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useLayoutEffect, useRef, useState, type FormEvent, type KeyboardEvent, type ReactNode } from 'react'
import { AppBar } from './app-bar.tsx'
import { useAutoRead } from './auto-read.ts'
import type { Phone, PhoneMessage } from './control-client.ts'
import { refusalSentence } from './sentences.ts'
import { usePhones, useSimulation } from './simulation.tsx'
import { clock } from './status-bar.tsx'

/** One chat as this phone shows it: decrypted, with its ticks; and what this phone writes. */
export function ChatScreen(props: { phone: Phone; other: string; onBack: () => void }): ReactNode {
  const { t, control } = useSimulation()
  const { phone, other } = props
  const queryClient = useQueryClient()
  const refresh = (): void => void queryClient.invalidateQueries({ queryKey: ['phones'] })
  const { data: messages } = useQuery({
    queryKey: ['phones', phone.number, 'messages', other],
    queryFn: () => control.messages(phone.number, other),
  })
  const { data: phones } = usePhones()
  const chat = phone.chats.find((each) => each.with === other)
  const contact = phone.contacts.find(({ number }) => number === other)
  const name = contact?.name ?? chat?.name ?? phones?.find(({ number }) => number === other)?.name ?? `+${other}`
  const unread = chat?.unread ?? 0
  const [autoRead] = useAutoRead(phone.number)
  const read = useMutation({ mutationFn: () => control.read(phone.number, other), onSettled: refresh })
  const { mutate: readNow } = read
  // One may be read while the next arrives: the count is the same then, the last message isn't.
  const last = chat?.last?.n
  useEffect(() => {
    if (autoRead && unread > 0 && !phone.airplane) readNow()
  }, [autoRead, unread, last, phone.airplane, readNow])

  return (
    <>
      <AppBar title={name} subtitle={`+${other}`} onBack={props.onBack} />
      <Bubbles messages={messages ?? []} name={name} />
      {unread > 0 && !autoRead && (
        <button type="button" className="mark-read" onClick={() => readNow()}>
          {t.markRead} ({unread})
        </button>
      )}
      {read.error && (
        <p className="refusal" role="alert">
          {refusalSentence(read.error, t)}
        </p>
      )}
      <Writer onSend={(text) => control.say(phone.number, other, text)} onSent={refresh} />
    </>
  )
}

function Bubbles({ messages, name }: { messages: readonly PhoneMessage[]; name: string }): ReactNode {
  const { t } = useSimulation()
  const scroller = useRef<HTMLDivElement>(null)
  const newest = messages.at(-1)?.n
  useLayoutEffect(() => {
    scroller.current?.scrollTo({ top: scroller.current.scrollHeight })
  }, [newest])
  return (
    <div className="screen-body paper" ref={scroller} role="log" aria-label={t.messagesWith(name)} tabIndex={0}>
      {messages.length === 0 && <p className="hint">{t.noMessages}</p>}
      <ul className="bubbles">
        {messages.map((message) => (
          <li key={message.n} className={message.from_me ? 'bubble mine' : 'bubble'}>
            <span className="visually-hidden">{message.from_me ? t.you : name}: </span>
            <span className="bubble-text" dir="auto">
              {message.text}
            </span>
            <span className="bubble-meta">
              {message.from_me && message.via.startsWith('companion') && <span>{t.fromCompanion}</span>}
              {message.copies > 1 && <span>{t.arrived(message.copies)}</span>}
              <time>{clock(new Date(message.at * 1_000))}</time>
              {message.from_me && (
                <span className={`ticks ${message.status}`}>
                  <span aria-hidden="true">{message.status === 'sent' ? '✓' : '✓✓'}</span>
                  <span className="visually-hidden">{t.status[message.status]}</span>
                </span>
              )}
            </span>
          </li>
        ))}
      </ul>
    </div>
  )
}

function Writer(props: { onSend: (text: string) => Promise<unknown>; onSent: () => void }): ReactNode {
  const { t } = useSimulation()
  const [text, setText] = useState('')
  const say = useMutation({
    mutationFn: props.onSend,
    onSuccess: () => {
      setText('')
      props.onSent()
    },
  })
  function send(event: FormEvent | KeyboardEvent): void {
    event.preventDefault()
    if (text.trim() !== '' && !say.isPending) say.mutate(text)
  }
  return (
    <form className="writer" aria-label={t.write} onSubmit={send}>
      {say.error && (
        <p className="refusal" role="alert">
          {refusalSentence(say.error, t)}
        </p>
      )}
      <textarea
        rows={1}
        aria-label={t.write}
        placeholder={t.write}
        dir="auto"
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === 'Enter' && !event.shiftKey && !event.nativeEvent.isComposing) send(event)
        }}
      />
      <button type="submit" className="icon-button send" aria-label={t.send}>
        <svg viewBox="0 0 24 24" aria-hidden="true">
          <path d="M5 12h13M12 5l7 7-7 7" />
        </svg>
      </button>
    </form>
  )
}
