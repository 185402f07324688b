import { getBinaryNodeChild, getBinaryNodeChildren, type BinaryNode } from '@whiskeysockets/baileys'
import { isPersonJid, normalizeJid } from '#shared/ids.ts'
import { emptyBatch, type InboundBatch, type InboundPerson } from '#shared/inbound.ts'

/**
 * What a notification says of people: that somebody took another number, has another profile picture, was blocked or unblocked on the
 * phone. Null for all others. Pure. Baileys tells of pictures and blocks after it has acknowledged them, and of numbers not at all.
 */
export function readPeopleNotice(node: BinaryNode): InboundBatch | null {
  switch (node.attrs['type']) {
    case 'contacts':
      return readNumberChange(node)
    case 'picture':
      return readPicture(node)
    case 'account_sync':
      return readBlocks(node)
    default:
      return null
  }
}

/** Pairs of users of a number and a LID as people with two JIDs. Pure. */
export function peopleOfMappings(pairs: { pn: string; lid: string }[]): InboundPerson[] {
  return pairs.flatMap(({ pn, lid }) => {
    const jid = normalizeJid(`${pn}@s.whatsapp.net`)
    const alt = normalizeJid(`${lid}@lid`)
    return jid && alt ? [{ jid, alt }] : []
  })
}

function readNumberChange(node: BinaryNode): InboundBatch | null {
  const modify = getBinaryNodeChild(node, 'modify')?.attrs
  const before = normalizeJid(modify?.['old'])
  const after = normalizeJid(modify?.['new'])
  const id = node.attrs['id']
  if (!before || !after || !id || !isPersonJid(before) || !isPersonJid(after)) return null
  const [lidBefore, lidAfter] = [normalizeJid(modify?.['old_lid']), normalizeJid(modify?.['new_lid'])]
  return {
    ...emptyBatch(),
    numberChanges: [
      {
        before: { number: before, ...(lidBefore ? { lid: lidBefore } : {}) },
        after: { number: after, ...(lidAfter ? { lid: lidAfter } : {}) },
        at: Number(node.attrs['t'] ?? 0),
        id,
      },
    ],
  }
}

function readPicture(node: BinaryNode): InboundBatch | null {
  const isRemoved = getBinaryNodeChild(node, 'delete') !== undefined
  const isSet = getBinaryNodeChild(node, 'set') !== undefined
  const jid = normalizeJid(node.attrs['from'])
  if (!jid || (!isSet && !isRemoved)) return null
  return { ...emptyBatch(), pictures: [{ jid, removed: isRemoved }] }
}

function readBlocks(node: BinaryNode): InboundBatch | null {
  const list = getBinaryNodeChild(node, 'blocklist')
  if (!list) return null
  const changed = getBinaryNodeChildren(list, 'item').flatMap(({ attrs }) => {
    const jid = normalizeJid(attrs['jid'])
    return jid && isPersonJid(jid) ? [{ jid, blocked: attrs['action'] === 'block' }] : []
  })
  return changed.length > 0 ? { ...emptyBatch(), blocks: { changed } } : null
}
