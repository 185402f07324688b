/** A Signal session of one device as libsignal serialises it (session_record.js): chains by their ephemeral key, in order of creation. */
interface StoredRecord {
  _sessions: Record<string, StoredSession>
}
interface StoredSession {
  currentRatchet: { lastRemoteEphemeralKey: string }
  _chains: Record<string, { chainType: number; messageKeys: Record<string, unknown> }>
}

/** libsignal's chain_type.js. */
const receiving = 2
/** Chains on which something may still arrive. Signal keeps as many (libsignal, rust/protocol/src/consts.rs, MAX_RECEIVER_CHAINS). */
const mostChains = 5
/** Older ones that hold keys of messages which have not come yet. */
const mostUnfinished = 35

/**
 * Takes the chains out of a serialised Signal session that nothing can arrive on any more, and returns it. Each answer of the other side
 * begins a new chain, and the JavaScript libsignal keeps all of them for ever: after a thousand turns of a conversation every message
 * would read and write a record of 200 kB. The newest stay, and older ones while they wait for messages that were overtaken.
 */
export function pruneSession<T>(record: T): T {
  if (!isRecord(record)) return record
  for (const { currentRatchet, _chains: chains } of Object.values(record._sessions)) {
    const old = Object.keys(chains)
      .filter((key) => chains[key]?.chainType === receiving && key !== currentRatchet.lastRemoteEphemeralKey)
      .slice(0, -(mostChains - 1))
    const isFinished = (key: string): boolean => Object.keys(chains[key]?.messageKeys ?? {}).length === 0
    const unfinished = old.filter((key) => !isFinished(key))
    const gone = [...old.filter(isFinished), ...unfinished.slice(0, -mostUnfinished)]
    for (const key of gone) delete chains[key]
  }
  return record
}

function isRecord(record: unknown): record is StoredRecord {
  return typeof record === 'object' && record !== null && '_sessions' in record
}
