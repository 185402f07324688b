import { useMutation, useQueryClient } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { AppBar } from './app-bar.tsx'
import type { Phone } from './control-client.ts'
import { refusalSentence } from './sentences.ts'
import type { Screen } from './screen.ts'
import { useSimulation } from './simulation.tsx'

/** The devices linked to this phone, how to take one away and how to link one. */
export function DevicesScreen({ phone, go }: { phone: Phone; go: (screen: Screen) => void }): ReactNode {
  const { t, control, language } = useSimulation()
  const queryClient = useQueryClient()
  const unlink = useMutation({
    mutationFn: (device: number) => control.unlink(phone.number, device),
    onSettled: () => queryClient.invalidateQueries({ queryKey: ['phones'] }),
  })
  const when = (seconds: number): string =>
    new Date(seconds * 1_000).toLocaleString(language, { dateStyle: 'medium', timeStyle: 'short' })
  return (
    <>
      <AppBar title={t.linkedDevices} onBack={() => go({ name: 'settings' })} />
      <div className="screen-body padded">
        <button type="button" className="wide" onClick={() => go({ name: 'scan' })}>
          {t.linkDevice}
        </button>
        {phone.devices.length === 0 && <p className="hint">{t.noDevices}</p>}
        <ul className="devices">
          {phone.devices.map(({ device, online, linked_at, platform }) => (
            <li key={device}>
              <span className="row-words">
                <strong>
                  {t.device(device)} <bdi className="hint">{platform}</bdi>
                </strong>
                <span className={online ? 'online' : ''}>{online ? t.online : t.offline}</span>
                <span>{t.since(when(linked_at))}</span>
              </span>
              <button
                type="button"
                className="plain"
                aria-label={`${t.unlink}: ${t.device(device)}`}
                onClick={() => unlink.mutate(device)}
              >
                {t.unlink}
              </button>
            </li>
          ))}
        </ul>
        <div role="alert">{unlink.error && <p className="refusal">{refusalSentence(unlink.error, t)}</p>}</div>
      </div>
    </>
  )
}
