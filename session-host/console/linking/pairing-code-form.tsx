import { useMutation } from '@tanstack/react-query'
import { useState, type FormEvent, type ReactNode } from 'react'
import { errorSentence } from '../api/error-sentence.ts'
import { useSecondsOf } from '../chats/use-now.ts'
import { useLanguage } from '../language/language.tsx'
import { useObservable } from '../live/observable.ts'
import { useParts } from '../parts.ts'

/** Links without a camera: a number, then the code to type on its phone, and until when it holds. */
export function PairingCodeForm(): ReactNode {
  const { t } = useLanguage()
  const { rest, live } = useParts()
  const { pairing } = useObservable(live.state)
  const ask = useMutation({
    mutationFn: (phone: string) => {
      if (phone.trim() === '') throw new Error(t.phoneMissing)
      return rest.pairingCode(phone)
    },
  })
  function submit(event: FormEvent<HTMLFormElement>): void {
    event.preventDefault()
    const phone = new FormData(event.currentTarget).get('phone')
    if (!ask.isPending) ask.mutate(typeof phone === 'string' ? phone : '')
  }
  // The socket tells of each further code of the same attempt.
  const shown = ask.data && pairing && pairing.expires_at > ask.data.expires_at ? pairing : ask.data
  const problem = ask.error?.message === t.phoneMissing ? t.phoneMissing : errorSentence(ask.error, t)
  return (
    <form className="stack pairing" noValidate onSubmit={submit}>
      <label>
        {t.yourNumber}
        <input
          name="phone"
          type="tel"
          inputMode="tel"
          autoComplete="tel"
          placeholder="+34 600 111 222"
          dir="ltr"
          aria-invalid={ask.isError}
          aria-describedby="pairing-problem"
        />
      </label>
      <div role="alert" id="pairing-problem">
        {ask.isError && <p className="problem">{problem}</p>}
      </div>
      {shown && !ask.isPending && <Code code={shown.code} expiresAt={shown.expires_at} />}
      <button type="submit" className={shown ? 'secondary' : 'primary'} aria-disabled={ask.isPending}>
        {ask.isPending ? t.askingCode : shown ? t.anotherCode : t.askCode}
      </button>
    </form>
  )
}

function Code({ code, expiresAt }: { code: string; expiresAt: string }): ReactNode {
  const { t } = useLanguage()
  const [copied, setCopied] = useState('')
  const now = useSecondsOf(1)
  const left = Math.max(0, Math.ceil((Date.parse(expiresAt) - now.getTime()) / 1_000))
  return (
    <div className={left === 0 ? 'code code-stale' : 'code'}>
      <p className="hint" id="pairing-code-name">
        {t.pairingCode}
      </p>
      <output aria-labelledby="pairing-code-name" dir="ltr" translate="no">
        {code}
      </output>
      <p className="qr-time" role="timer" aria-live="off">
        {left > 0 ? t.codeExpiresIn(left) : t.codeExpired}
      </p>
      <button
        type="button"
        className="link"
        onClick={() => void navigator.clipboard.writeText(code).then(() => setCopied(code))}
      >
        {t.copyCode}
      </button>
      <span role="status" className={copied === code ? 'hint' : 'visually-hidden'}>
        {copied === code ? t.copied : ''}
      </span>
    </div>
  )
}
