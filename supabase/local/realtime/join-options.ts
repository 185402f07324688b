import { randomUUID } from 'node:crypto'
import { JoinRefused } from './join-refused.ts'

/** What a client asks for when it joins (`payload` of `phx_join`). */
export interface JoinOptions {
  token: unknown
  private: boolean
  /** Broadcasts of the client come back to itself. */
  self: boolean
  /** Broadcasts of the client are acknowledged. */
  acknowledge: boolean
  /** The client wants a `system` message once broadcasts from the database arrive. */
  replicationReady: boolean
  presence: { enabled: boolean; key: string }
}

/** Reads the payload of `phx_join`; what is missing or of a wrong type counts as not asked for. Throws `JoinRefused` for what this Realtime has not. */
export function readJoinOptions(payload: unknown): JoinOptions {
  const { access_token: token, user_token: userToken, config } = record(payload)
  const { broadcast, presence, private: isPrivate, postgres_changes: changes } = record(config)
  const { self, ack, replay, replication_ready: replicationReady } = record(broadcast)
  const { enabled, key } = record(presence)
  if (Array.isArray(changes) && changes.length > 0) {
    throw new JoinRefused(
      'RealtimeDisabledForConfiguration',
      'postgres_changes is not part of the embedded Supabase. Broadcast from the database on a private channel instead.',
    )
  }
  if (replay !== undefined && replay !== null)
    throw new JoinRefused('UnableToReplayMessages', 'Replay is not part of the embedded Supabase.')
  return {
    token: userToken ?? token,
    private: isPrivate === true,
    self: self === true,
    acknowledge: ack === true,
    replicationReady: replicationReady === true,
    presence: { enabled: enabled === true, key: typeof key === 'string' && key !== '' ? key : randomUUID() },
  }
}

/** The value when it is an object, else an empty one. */
export function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {}
}
