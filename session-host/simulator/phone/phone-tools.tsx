import { useMutation, useQueryClient } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { useAutoRead } from './auto-read.ts'
import type { Phone } from './control-client.ts'
import { refusalSentence } from './sentences.ts'
import { useSimulation } from './simulation.tsx'

/** What may happen to a phone: no network, a reader who looks away, a connection that breaks. */
export function PhoneTools({ phone }: { phone: Phone }): ReactNode {
  const { t, control } = useSimulation()
  const queryClient = useQueryClient()
  const refresh = (): Promise<void> => queryClient.invalidateQueries({ queryKey: ['phones'] })
  const [autoRead, setAutoRead] = useAutoRead(phone.number)
  const airplane = useMutation({ mutationFn: (on: boolean) => control.airplane(phone.number, on), onSettled: refresh })
  const drop = useMutation({
    mutationFn: (how: 'clean' | 'dirty') => control.drop(phone.number, how),
    onSettled: refresh,
  })
  const error = airplane.error ?? drop.error
  return (
    <fieldset className="tools">
      <legend>{t.tools}</legend>
      <label>
        <input
          type="checkbox"
          role="switch"
          checked={airplane.isPending ? airplane.variables : phone.airplane}
          onChange={(event) => airplane.mutate(event.target.checked)}
        />
        {t.airplane}
      </label>
      <label>
        <input
          type="checkbox"
          role="switch"
          checked={autoRead}
          onChange={(event) => setAutoRead(event.target.checked)}
        />
        {t.autoRead}
      </label>
      {phone.devices.length > 0 && (
        <div className="tool-buttons">
          <button type="button" onClick={() => drop.mutate('clean')}>
            {t.dropClean}
          </button>
          <button type="button" onClick={() => drop.mutate('dirty')}>
            {t.dropDirty}
          </button>
        </div>
      )}
      <p role="status">{error ? refusalSentence(error, t) : drop.data ? t.dropped(drop.data.dropped) : ''}</p>
    </fieldset>
  )
}
