import { useState, type FormEvent, type ReactNode } from 'react'
import { refusalSentence } from './sentences.ts'
import { useSimulation } from './simulation.tsx'

/** A button that opens a small form: a name, and a number when one is to be given. */
export function AddForm(props: {
  opener: string
  submit: string
  withNumber: boolean
  onAdd: (added: { name: string; number: string }) => Promise<void>
}): ReactNode {
  const { t } = useSimulation()
  const [open, setOpen] = useState(false)
  const [error, setError] = useState<unknown>(null)
  async function submit(event: FormEvent<HTMLFormElement>): Promise<void> {
    event.preventDefault()
    const data = new FormData(event.currentTarget)
    const text = (name: string): string => {
      const value = data.get(name)
      return typeof value === 'string' ? value.trim() : ''
    }
    try {
      await props.onAdd({ name: text('name'), number: text('number').replace(/\D/g, '') })
      setOpen(false)
    } catch (refusal) {
      setError(refusal)
    }
  }
  if (!open)
    return (
      <button
        type="button"
        className="plain"
        onClick={() => {
          setError(null)
          setOpen(true)
        }}
      >
        {props.opener}
      </button>
    )
  return (
    <form className="add-form" aria-label={props.opener} onSubmit={(event) => void submit(event)}>
      {/* oxlint-disable-next-line jsx-a11y/no-autofocus -- the person has just asked for this field */}
      <input name="name" aria-label={t.name} placeholder={t.name} autoFocus required maxLength={100} />
      {props.withNumber && (
        <input name="number" aria-label={t.number} placeholder="+34 600 111 222" inputMode="tel" required />
      )}
      <button type="submit">{props.submit}</button>
      <button type="button" className="plain" onClick={() => setOpen(false)}>
        {t.cancel}
      </button>
      {error !== null && <p role="alert">{refusalSentence(error, t)}</p>}
    </form>
  )
}
