import { eraseMedia, type MediaEraser } from './media/media-eraser.ts'
import type { MediaRemover } from './media/media-remover.ts'
import type { Publisher } from './realtime/publisher.ts'
import type { SocketServer } from './realtime/socket-server.ts'
import type { Supervisor } from './sessions/supervisor.ts'
import { eventChannel, readAnnouncement, wakeChannel } from './store/announcer.ts'
import type { Broadcaster } from './store/broadcaster.ts'
import type { Database } from './store/database.ts'
import { ownPresenceChannel, presenceChannel, readOwnPresence, readToldPresence } from './store/presence.ts'
import { probeChannel } from './store/socket-slots.ts'

export interface NotificationOptions {
  database: Database
  holder: string
  supervisor: Supervisor
  publisher: Publisher
  broadcaster: Broadcaster
  sockets: SocketServer
  eraser: MediaEraser | null
  remover: MediaRemover | null
}

/** Takes the notifications of the database to those that they concern. A null payload: some may have been missed. */
export async function listenForNotifications({
  database,
  holder,
  supervisor,
  publisher,
  broadcaster,
  sockets,
  eraser,
  remover,
}: NotificationOptions): Promise<AsyncDisposable> {
  await using listening = new AsyncDisposableStack()
  const handlers: Record<string, (payload: string | null) => void> = {
    [wakeChannel](payload) {
      if (payload === null) {
        supervisor.wakeAll()
        eraser?.wake()
        remover?.wake()
        broadcaster.wakeAll()
        return publisher.wakeAll()
      }
      if (payload === eraseMedia) {
        remover?.wake()
        return eraser?.wake()
      }
      supervisor.wake(payload)
      publisher.wake(payload)
      broadcaster.wake(payload)
    },
    [eventChannel](payload) {
      if (payload === null) return publisher.wakeAll()
      for (const sessionId of readAnnouncement(payload, holder)) publisher.wake(sessionId)
    },
    [ownPresenceChannel](payload) {
      const wanted = payload === null ? null : readOwnPresence(payload)
      if (wanted) supervisor.running.get(wanted.session_id)?.showPresence(wanted.state, wanted.chat)
    },
    [presenceChannel](payload) {
      const told = payload === null ? null : readToldPresence(payload)
      if (told) publisher.showPresence(told.user_id, told.presence)
    },
    [probeChannel](payload) {
      if (payload !== null) sockets.probe(payload)
    },
  }
  const begun = await Promise.allSettled(
    Object.entries(handlers).map(async ([channel, onNotify]) =>
      listening.use(await database.listen(channel, onNotify)),
    ),
  )
  const failure = begun.find((each) => each.status === 'rejected')
  if (failure) throw failure.reason
  return listening.move()
}
