import type { SignalKeyStore, SignalKeyStoreWithTransaction } from '@whiskeysockets/baileys'
import { buildMergedTcTokenIndexWrite } from '@whiskeysockets/baileys/lib/Utils/tc-token-utils.js'
import type { PrivacyToken } from './normalise-history.ts'

/**
 * Keeps which numbers and LIDs are one person, as Baileys does (Signal/lid-mapping.js): both then share a ratchet. What is written
 * here an open connection may have read before; a number's first LID is what counts, and that it looks up anew.
 */
export async function keepPairs(keys: SignalKeyStore, pairs: { pn: string; lid: string }[]): Promise<void> {
  if (pairs.length === 0) return
  const users = pairs.map(({ pn, lid }): [string, string] => [userOf(pn), userOf(lid)])
  const known = await keys.get('lid-mapping', [...new Set(users.map(([pn]) => pn))])
  const changed = users.filter(([pn, lid]) => known[pn] !== lid)
  if (changed.length === 0) return
  await keys.set({
    'lid-mapping': Object.fromEntries(
      changed.flatMap(([pn, lid]): [string, string][] => [
        [pn, lid],
        [`${lid}_reverse`, pn],
      ]),
    ),
  })
}

/** Keeps privacy tokens, the newest of each person, as Baileys does (process-message.js storeTcTokensFromHistorySync). */
export async function keepTokens(keys: SignalKeyStore, tokens: PrivacyToken[]): Promise<void> {
  if (tokens.length === 0) return
  const numbers = tokens.flatMap(({ jid }) => (jid.endsWith('@lid') ? [] : [userOf(jid)]))
  const lids = numbers.length > 0 ? await keys.get('lid-mapping', numbers) : {}
  const byJid = new Map(
    tokens.map((token) => {
      const lid = token.jid.endsWith('@lid') ? undefined : lids[userOf(token.jid)]
      return [lid ? `${lid}@lid` : token.jid, token]
    }),
  )
  const known = await keys.get('tctoken', [...byJid.keys()])
  const entries = Object.fromEntries(
    [...byJid].flatMap(([jid, { token, at, sentAt }]) =>
      Number(known[jid]?.timestamp ?? 0) >= at
        ? []
        : [
            [
              jid,
              {
                ...known[jid],
                token: Buffer.from(token),
                timestamp: String(at),
                ...(sentAt === undefined ? {} : { senderTimestamp: sentAt }),
              },
            ] as const,
          ],
    ),
  )
  if (Object.keys(entries).length === 0) return
  // It reads, and asks for no transaction.
  const index = await buildMergedTcTokenIndexWrite(keys as SignalKeyStoreWithTransaction, Object.keys(entries))
  await keys.set({ tctoken: { ...entries, ...index } })
}

function userOf(jid: string): string {
  return jid.slice(0, jid.indexOf('@'))
}
