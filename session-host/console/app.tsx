import { createClient, type Session, type SupabaseClient } from '@supabase/supabase-js'
import { useEffect, useState, type ReactNode } from 'react'
import { SignInPage } from './account/sign-in-page.tsx'
import { ErrorBoundary } from './error-boundary.tsx'
import { LanguageProvider, useLanguage } from './language/language.tsx'
import type { ConsoleConfig } from './parts.ts'
import { SignedIn } from './signed-in.tsx'
import { SimulatedBar } from './simulated-bar.tsx'
import { Wordmark } from './wordmark.tsx'

export function App(): ReactNode {
  return (
    <LanguageProvider>
      <ErrorBoundary>
        <Configured />
      </ErrorBoundary>
    </LanguageProvider>
  )
}

/** Loads the configuration from the server that served the page, then follows who is signed in. */
function Configured(): ReactNode {
  const { t } = useLanguage()
  const [loaded, setLoaded] = useState<{ config: ConsoleConfig; supabase: SupabaseClient } | null>(null)
  const [failed, setFailed] = useState(false)
  const [session, setSession] = useState<Session | null | undefined>(undefined)

  useEffect(() => {
    const stop = new AbortController()
    loadConfig(stop.signal).then(
      (config) => setLoaded({ config, supabase: createClient(config.supabaseUrl, config.publishableKey) }),
      () => stop.signal.aborted || setFailed(true),
    )
    return () => stop.abort()
  }, [])
  useEffect(() => {
    if (!loaded) return
    const { data } = loaded.supabase.auth.onAuthStateChange((_event, next) => setSession(next))
    return () => data.subscription.unsubscribe()
  }, [loaded])

  if (failed)
    return (
      <main className="splash">
        <Wordmark />
        <p role="alert">{t.configFailed}</p>
        <button type="button" className="primary" onClick={() => location.reload()}>
          {t.retry}
        </button>
      </main>
    )
  if (!loaded || session === undefined)
    return (
      <main className="splash" aria-busy="true">
        <Wordmark />
        <p>{t.loading}</p>
      </main>
    )
  const { config, supabase } = loaded
  return (
    <div className="page">
      {config.simulatorUrl !== null && <SimulatedBar url={config.simulatorUrl} />}
      {session ? (
        <SignedIn key={session.user.id} config={config} supabase={supabase} email={session.user.email ?? ''} />
      ) : (
        <SignInPage supabase={supabase} />
      )}
    </div>
  )
}

async function loadConfig(signal: AbortSignal): Promise<ConsoleConfig> {
  const response = await fetch('/config.json', { signal })
  if (!response.ok) throw new Error(`config.json answered ${response.status}`)
  return (await response.json()) as ConsoleConfig
}
