import type { SupabaseClient } from '@supabase/supabase-js'
import { useRef, useState, type FormEvent, type ReactNode } from 'react'
import { Icon } from '../icon.tsx'
import { useLanguage } from '../language/language.tsx'
import { Wordmark } from '../wordmark.tsx'
import { authErrorSentence } from './auth-error-sentence.ts'
import { LanguageChoice, ThemeChoice } from './choices.tsx'

const minimumPassword = 8

export function SignInPage({ supabase }: { supabase: SupabaseClient }): ReactNode {
  const { t } = useLanguage()
  const [isNew, setIsNew] = useState(false)
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState<{ field: 'email' | 'password' | null; sentence: string } | null>(null)
  const [confirmation, setConfirmation] = useState<string | null>(null)
  const [visible, setVisible] = useState(false)
  const form = useRef<HTMLFormElement>(null)

  function refuse(field: 'email' | 'password' | null, sentence: string): void {
    setProblem({ field, sentence })
    const input = form.current?.elements.namedItem(field ?? 'email')
    if (input instanceof HTMLInputElement) input.focus()
  }

  async function submit(event: FormEvent<HTMLFormElement>): Promise<void> {
    event.preventDefault()
    if (busy) return
    const data = new FormData(event.currentTarget)
    const email = textOf(data.get('email')).trim()
    const password = textOf(data.get('password'))
    if (!/^\S+@\S+$/.test(email)) return refuse('email', t.emailMissing)
    if (password === '') return refuse('password', t.passwordMissing)
    if (isNew && password.length < minimumPassword) return refuse('password', t.passwordShort)
    setBusy(true)
    setProblem(null)
    const { data: result, error } = isNew
      ? await supabase.auth.signUp({ email, password })
      : await supabase.auth.signInWithPassword({ email, password })
    setBusy(false)
    if (error) refuse(null, authErrorSentence(error, t))
    else if (!result.session) setConfirmation(t.confirmationSent(email))
  }

  const problemId = (field: 'email' | 'password'): object =>
    problem?.field === field ? { 'aria-invalid': true, 'aria-describedby': 'sign-in-problem' } : {}

  return (
    <div className="sign-in">
      <header className="sign-in-brand">
        <Wordmark />
        <p>{t.productLine}</p>
        <SampleChat />
      </header>
      <main className="sign-in-main">
        <form
          ref={form}
          className="card"
          noValidate
          aria-labelledby="sign-in-title"
          onSubmit={(event) => void submit(event)}
        >
          <h1 id="sign-in-title">{isNew ? t.signUpTitle : t.signInTitle}</h1>
          <p className="lead">{isNew ? t.signUpLead : t.signInLead}</p>
          <label>
            {t.email}
            <input
              name="email"
              type="email"
              autoComplete="username"
              inputMode="email"
              required
              {...problemId('email')}
            />
          </label>
          <label htmlFor="password">{t.password}</label>
          <div className="password">
            <input
              id="password"
              name="password"
              type={visible ? 'text' : 'password'}
              autoComplete={isNew ? 'new-password' : 'current-password'}
              required
              {...(isNew ? { 'aria-describedby': 'password-rule' } : {})}
              {...problemId('password')}
            />
            <button
              type="button"
              className="quiet"
              aria-pressed={visible}
              aria-label={visible ? t.hidePassword : t.showPassword}
              onClick={() => setVisible(!visible)}
            >
              <Icon name={visible ? 'hidden' : 'eye'} />
            </button>
          </div>
          {isNew && (
            <p id="password-rule" className="hint">
              {t.passwordRule}
            </p>
          )}
          <div role="alert" id="sign-in-problem">
            {problem && <p className="problem">{problem.sentence}</p>}
          </div>
          <div role="status">{confirmation !== null && <p className="good">{confirmation}</p>}</div>
          <button type="submit" className="primary" aria-disabled={busy}>
            {busy ? t.loading : isNew ? t.signUp : t.signIn}
          </button>
          <button
            type="button"
            className="link"
            onClick={() => {
              setIsNew(!isNew)
              setProblem(null)
              setConfirmation(null)
            }}
          >
            {isNew ? t.toSignIn : t.toSignUp}
          </button>
        </form>
        <footer className="choices">
          <LanguageChoice />
          <ThemeChoice />
        </footer>
      </main>
    </div>
  )
}

/** What the product looks like, as decoration. */
function SampleChat(): ReactNode {
  return (
    <div className="sample" aria-hidden="true">
      <span style={{ inlineSize: '11rem' }} />
      <span className="mine" style={{ inlineSize: '8rem' }} />
      <span style={{ inlineSize: '6rem' }} />
      <span className="mine" style={{ inlineSize: '12rem' }} />
    </div>
  )
}

function textOf(value: FormDataEntryValue | null): string {
  return typeof value === 'string' ? value : ''
}
