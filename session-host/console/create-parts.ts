import type { SupabaseClient } from '@supabase/supabase-js'
import type { QueryClient } from '@tanstack/react-query'
import type { EventEnvelope } from '#shared/events.ts'
import { isMuted } from './chats/is-muted.ts'
import { createRestClient } from './api/rest-client.ts'
import { conversationName } from './chats/conversation-name.ts'
import { catalogueOf, initialLanguage } from './language/language.tsx'
import { createAnnouncer } from './live/announcer.ts'
import { applyEvent } from './live/apply-event.ts'
import { findConversation, patchSession, putMessage, sessionKey } from './live/cache.ts'
import { connectLive } from './live/connect-live.ts'
import type { ConsoleConfig, Parts } from './parts.ts'
import { createPresenceBoard } from './live/presence-board.ts'
import { createOutbox } from './thread/outbox.ts'

export type DisposableParts = Parts & Disposable

/** Wires what a signed-in user needs: REST, the live connection that feeds the cache, the outbox and the announcer. */
export function createParts(dependencies: {
  config: ConsoleConfig
  supabase: SupabaseClient
  email: string
  queryClient: QueryClient
}): DisposableParts {
  const { config, supabase, email, queryClient } = dependencies
  const sentences = () => catalogueOf(initialLanguage())
  const getToken = async (): Promise<string | null> =>
    (await supabase.auth.getSession()).data.session?.access_token ?? null
  const rest = createRestClient({ getToken, getLanguage: initialLanguage })
  const outbox = createOutbox({
    sendMessage: rest.sendMessage,
    onAccepted: (message) => putMessage(queryClient, message),
  })
  const presence = createPresenceBoard()
  const announcer = createAnnouncer({
    from: (count, name) => sentences().newMessagesFrom(count, name),
    inChats: (count, chats) => sentences().newMessagesIn(count, chats),
  })

  function onEvent(event: EventEnvelope, replayed: boolean): void {
    if (event.message) outbox.claim(event.message)
    applyEvent(queryClient, event)
    if (event.type !== 'message.created' || event.data.from_me || replayed) return
    const conversation = event.conversation ?? findConversation(queryClient, event.data.conversation_id)
    presence.arrived(event.data.conversation_id)
    if (conversation && !isMuted(conversation))
      announcer.incoming(conversation.id, conversationName(conversation, sentences()))
  }

  const live = connectLive({
    getToken,
    onTokenRefresh: (listener) => {
      const { data } = supabase.auth.onAuthStateChange((event, session) => {
        if (event === 'TOKEN_REFRESHED' && session) listener(session.access_token)
      })
      return () => data.subscription.unsubscribe()
    },
    listeners: {
      onEvent,
      onResync: () => void queryClient.invalidateQueries(),
      onReady: ({ sessionId, phone }) => {
        patchSession(queryClient, { id: sessionId, phone, status: 'connected', connected: true, reason: null })
        void queryClient.invalidateQueries({ queryKey: sessionKey })
      },
      onPresence: presence.note,
      onRecovered: (count) => announcer.show(sentences().recovered(count)),
    },
  })
  return {
    config,
    supabase,
    email,
    rest,
    queryClient,
    live,
    outbox,
    announcer,
    presence,
    [Symbol.dispose]: () => {
      live[Symbol.dispose]()
      outbox.clear()
      presence.clear()
      queryClient.clear()
    },
  }
}
