import { useMutation } from '@tanstack/react-query'
import { useState, type ReactNode } from 'react'
import type { Session } from '#shared/session.ts'
import { errorSentence } from '../api/error-sentence.ts'
import { phoneFormat } from '../chats/conversation-name.ts'
import { Dialog } from '../dialog.tsx'
import { Icon } from '../icon.tsx'
import { useLanguage } from '../language/language.tsx'
import { patchSession, sessionKey } from '../live/cache.ts'
import { useObservable } from '../live/observable.ts'
import { useParts } from '../parts.ts'
import { clearDrafts } from '../thread/drafts.ts'
import { LanguageChoice, ThemeChoice } from './choices.tsx'

export function SettingsButton({ session }: { session: Session }): ReactNode {
  const { t } = useLanguage()
  const [open, setOpen] = useState(false)
  return (
    <>
      <button type="button" className="quiet" aria-label={t.settings} title={t.settings} onClick={() => setOpen(true)}>
        <Icon name="settings" />
      </button>
      {open && <SettingsDialog session={session} onClose={() => setOpen(false)} />}
    </>
  )
}

function SettingsDialog({ session, onClose }: { session: Session; onClose: () => void }): ReactNode {
  const { t } = useLanguage()
  const { email, supabase } = useParts()
  const format = useObservable(phoneFormat)
  const [unlinking, setUnlinking] = useState(false)
  const linked = session.status === 'connected' || session.status === 'reconnecting'

  async function signOut(): Promise<void> {
    clearDrafts()
    location.hash = ''
    await supabase.auth.signOut({ scope: 'local' })
  }

  if (unlinking) return <UnlinkDialog onClose={onClose} />
  return (
    <Dialog title={t.settings} onClose={onClose}>
      <dl className="facts">
        <dt>{t.account}</dt>
        <dd>
          <bdi>{email}</bdi>
        </dd>
        {session.phone !== null && (
          <>
            <dt>{t.linkedPhone}</dt>
            <dd>
              <bdi>{format(session.phone)}</bdi>
              {session.push_name !== null && (
                <>
                  {' · '}
                  <bdi>{session.push_name}</bdi>
                </>
              )}
            </dd>
          </>
        )}
      </dl>
      <LanguageChoice />
      <ThemeChoice />
      <div className="dialog-actions column">
        {linked && (
          <button type="button" className="danger" onClick={() => setUnlinking(true)}>
            <Icon name="unlink" />
            {t.unlink}
          </button>
        )}
        <button type="button" className="secondary" aria-describedby="sign-out-help" onClick={() => void signOut()}>
          <Icon name="leave" />
          {t.signOut}
        </button>
        <p id="sign-out-help" className="hint">
          {t.signOutHelp}
        </p>
      </div>
    </Dialog>
  )
}

function UnlinkDialog({ onClose }: { onClose: () => void }): ReactNode {
  const { t } = useLanguage()
  const { rest, queryClient } = useParts()
  const unlink = useMutation({
    mutationFn: () => rest.logout(),
    onSuccess: () => {
      patchSession(queryClient, { status: 'logged_out', reason: 'logout_requested', connected: false })
      void queryClient.invalidateQueries({ queryKey: sessionKey })
      onClose()
    },
  })
  return (
    <Dialog title={t.unlinkTitle} onClose={onClose}>
      <p>{t.unlinkHelp}</p>
      <div role="alert">{unlink.isError && <p className="problem">{errorSentence(unlink.error, t)}</p>}</div>
      <div className="dialog-actions">
        <button type="button" className="secondary" onClick={onClose}>
          {t.cancel}
        </button>
        <button
          type="button"
          className="danger"
          aria-disabled={unlink.isPending}
          onClick={() => unlink.isPending || unlink.mutate()}
        >
          {t.unlinkConfirm}
        </button>
      </div>
    </Dialog>
  )
}
