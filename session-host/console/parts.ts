import type { SupabaseClient } from '@supabase/supabase-js'
import type { QueryClient } from '@tanstack/react-query'
import { createContext, use } from 'react'
import type { RestClient } from './api/rest-client.ts'
import type { Live } from './live/connect-live.ts'
import type { Announcer } from './live/announcer.ts'
import type { PresenceBoard } from './live/presence-board.ts'
import type { Outbox } from './thread/outbox.ts'

/** What the session-host tells its console at `/config.json`. */
export interface ConsoleConfig {
  supabaseUrl: string
  publishableKey: string
  /** The simulator's address when the host talks to one on this machine, else null. */
  simulatorUrl: string | null
}

/** What exists once a user is signed in. */
export interface Parts {
  config: ConsoleConfig
  supabase: SupabaseClient
  email: string
  rest: RestClient
  queryClient: QueryClient
  live: Live
  outbox: Outbox
  announcer: Announcer
  presence: PresenceBoard
}

const PartsContext = createContext<Parts | null>(null)
export const PartsProvider = PartsContext

export function useParts(): Parts {
  const parts = use(PartsContext)
  if (!parts) throw new Error('useParts is for components inside the signed-in part')
  return parts
}
