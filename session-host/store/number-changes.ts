import { isPersonJid, phoneOf } from '#shared/ids.ts'
import type { SessionEvent } from '#shared/events.ts'
import type { InboundMessage, InboundNumberChange } from '#shared/inbound.ts'
import type { Transaction } from './database.ts'
import {
  createNewContacts,
  findIdentities,
  hasOtherLid,
  refreshAddress,
  setIdentities,
  type Owner,
} from './identities.ts'
import { mergeContacts } from './merge-contacts.ts'
import type { ProtoOwner } from './message-protos.ts'
import { storeMessages } from './messages.ts'

/**
 * People who took another number: the new JIDs become theirs beside the old ones, which keep answering until somebody else has them, and
 * a notice goes into the conversation, when there is one. Returns the events, and the contacts that these people are.
 */
export async function storeNumberChanges(
  transaction: Transaction,
  owner: Owner & ProtoOwner,
  changes: InboundNumberChange[],
): Promise<{ events: SessionEvent[]; joined: string[] }> {
  const events: SessionEvent[] = []
  const joined: string[] = []
  for (const change of changes) {
    const contactId = await moveNumber(transaction, owner, change, events)
    joined.push(contactId)
    const [conversation] = await transaction.query<{ id: string }>(
      'select id from public.conversations_new where contact_id = $1',
      [contactId],
    )
    if (!conversation) continue
    const notice = noticeOf(change)
    const stored = await storeMessages(transaction, owner, [notice], new Map([[notice.chat, conversation.id]]))
    events.push(...stored.events)
  }
  return { events, joined }
}

async function moveNumber(
  transaction: Transaction,
  owner: Owner,
  { before, after }: InboundNumberChange,
  events: SessionEvent[],
): Promise<string> {
  const lids = [before.lid, after.lid].filter((jid) => jid !== undefined)
  const jids = [before.lid, before.number, after.lid, after.number].filter(
    (jid): jid is string => jid !== undefined && isPersonJid(jid),
  )
  const contacts = await findIdentities(transaction, owner, jids)
  const numberOwner = async (jid: string | undefined): Promise<string | undefined> => {
    const contactId = jid === undefined ? undefined : contacts.get(jid)
    // A number whose contact has a LID that this person never had is somebody else's.
    if (contactId === undefined || (lids.length > 0 && (await hasOtherLid(transaction, contactId, lids))))
      return undefined
    return contactId
  }
  // A LID is one person's for good, however many others they had before.
  const byLid = lids.map((lid) => contacts.get(lid)).find((contactId) => contactId !== undefined)
  let person = byLid ?? (await numberOwner(before.number)) ?? (await numberOwner(after.number))
  if (person === undefined) {
    const newContacts = createNewContacts(transaction, owner)
    person = newContacts.add([jids.find((jid) => !contacts.has(jid)) ?? after.number])
    await newContacts.flush()
  }
  for (const jid of [before.lid, before.number, after.lid, after.number]) {
    if (jid === undefined || !isPersonJid(jid)) continue
    const holder = (await findIdentities(transaction, owner, [jid])).get(jid)
    if (holder === person) continue
    if (holder !== undefined && !lids.includes(jid) && (await hasOtherLid(transaction, holder, lids))) {
      // The old number may be somebody else's by now; the new one was, and is this person's from here on.
      if (jid !== after.number) continue
      await setIdentities(transaction, owner, person, [jid])
      await refreshAddress(transaction, holder, events)
    } else if (holder !== undefined) person = await mergeContacts(transaction, owner, person, holder, events)
    else await setIdentities(transaction, owner, person, [jid])
  }
  await refreshAddress(transaction, person, events, phoneOf(after.number))
  return person
}

/** The notice in the conversation; its id follows from WhatsApp's, so a repeat makes no second one. */
function noticeOf({ before, after, at, id }: InboundNumberChange): InboundMessage {
  return {
    chat: after.number,
    waId: `number-changed-${id}`,
    fromMe: false,
    at,
    type: 'notice',
    text: null,
    content: { notice: { kind: 'number_changed', participants: [before.number], value: phoneOf(after.number) } },
    status: 'read',
    live: true,
  }
}
