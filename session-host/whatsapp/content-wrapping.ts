import type { proto } from '@whiskeysockets/baileys'

/** Fields that hold a whole message in `.message` (WAProto FutureProofMessage), and mean nothing by themselves. */
const envelopes = [
  'ephemeralMessage',
  'documentWithCaptionMessage',
  'editedMessage',
  'associatedChildMessage',
  'groupMentionedMessage',
  'lottieStickerMessage',
  'pollCreationMessageV4',
  'pollCreationOptionImageMessage',
  'eventCoverImage',
  'botInvokeMessage',
  'botForwardedMessage',
  'groupStatusMessage',
  'groupStatusMessageV2',
  'questionMessage',
] as const
const viewOnceEnvelopes = ['viewOnceMessage', 'viewOnceMessageV2', 'viewOnceMessageV2Extension'] as const

/** More are not nested in anything that a phone sends. */
const deepest = 6

/** The message inside its envelopes, and whether one of them says that it is to be looked at once. Pure. */
export function unwrap(message: proto.IMessage): { content: proto.IMessage; viewOnce: boolean } {
  let content = message
  let viewOnce = false
  for (let depth = 0; depth < deepest; depth += 1) {
    const once = viewOnceEnvelopes.map((name) => content[name]?.message).find((inner) => inner)
    const inner = once ?? envelopes.map((name) => content[name]?.message).find((each) => each)
    if (!inner) break
    viewOnce ||= once !== undefined
    content = inner
  }
  return { content, viewOnce }
}
