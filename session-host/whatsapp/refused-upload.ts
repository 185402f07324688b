import { getBinaryNodeChild, getBinaryNodeChildren, type BinaryNode, type WASocket } from '@whiskeysockets/baileys'

/**
 * Runs changes of the account's settings so that one which WhatsApp's server refuses fails. The server refuses inside a good answer, as
 * an error of the collection: 409 when another device was faster. Baileys takes that for done (chats.js appPatch) and goes on from a
 * version that the server does not have; when it fails, the next try begins with what the other device said.
 */
export function createUploads(socket: WASocket): (upload: () => Promise<void>) => Promise<void> {
  let uploads = 0
  // Before Baileys hands the answer to whoever asked (socket.js onMessageReceived).
  socket.ws.on('frame', (frame: BinaryNode | Uint8Array) => {
    if (uploads > 0 && 'tag' in frame) showRefusal(frame)
  })
  return async (upload) => {
    uploads += 1
    try {
      await upload()
    } finally {
      uploads -= 1
    }
  }
}

/** Puts the error of a collection where Baileys looks for one. Of several collections, which Baileys fetches, each speaks for itself. */
function showRefusal(frame: BinaryNode): void {
  if (frame.tag !== 'iq' || !Array.isArray(frame.content)) return
  // Baileys remembers the children of a node that it has looked into: of this one it must not yet.
  const sync = frame.content.find(({ tag }) => tag === 'sync')
  const collections = getBinaryNodeChildren(sync, 'collection')
  const [collection] = collections
  if (collections.length !== 1 || collection?.attrs['type'] !== 'error') return
  frame.content = [getBinaryNodeChild(collection, 'error') ?? { tag: 'error', attrs: { code: '500', text: 'refused' } }]
}
