import { useMutation, useQueryClient } from '@tanstack/react-query'
import type { FormEvent, ReactNode } from 'react'
import { AppBar } from './app-bar.tsx'
import type { Phone } from './control-client.ts'
import { refusalSentence } from './sentences.ts'
import { useSimulation } from './simulation.tsx'

/** Links a device by the code that it shows, typed here. */
export function CodeScreen({ phone, onDone }: { phone: Phone; onDone: () => void }): ReactNode {
  const { t, control } = useSimulation()
  const queryClient = useQueryClient()
  const link = useMutation({
    mutationFn: (code: string) => control.linkByCode(phone.number, code),
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: ['phones'] })
      onDone()
    },
  })
  function submit(event: FormEvent<HTMLFormElement>): void {
    event.preventDefault()
    const code = new FormData(event.currentTarget).get('code')
    if (typeof code === 'string' && !link.isPending) link.mutate(code.trim())
  }
  return (
    <>
      <AppBar title={t.typeCode} onBack={onDone} />
      <form className="screen-body padded" onSubmit={submit}>
        <p className="hint">+{phone.number}</p>
        <input name="code" aria-label={t.code} placeholder="ABCD-1234" autoComplete="off" dir="ltr" required />
        <button type="submit" className="wide" aria-disabled={link.isPending}>
          {t.linkWithCode}
        </button>
        <div role="alert">{link.error && <p className="refusal">{refusalSentence(link.error, t)}</p>}</div>
      </form>
    </>
  )
}
