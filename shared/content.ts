import { z } from 'zod'

/**
 * What a message says beside its text: the value of messages_new.content. Every member is optional; which of them a message has follows
 * from its `message_type` and from how it was sent. Text from WhatsApp is untrusted: show it as text, never as markup, and follow no link
 * by yourself. A client that knows none of it still has `text_content`, which says the most important part in words.
 */
const text = (length: number) => z.string().max(length)
const Jid = text(128)

/** A place. `live` is set when it was shared as a live location; the newest position then takes the place of the first. */
export const Place = z.object({
  /** Degrees north, -90 to 90. */
  latitude: z.number().min(-90).max(90),
  /** Degrees east, -180 to 180. */
  longitude: z.number().min(-180).max(180),
  name: text(1024).optional(),
  address: text(1024).optional(),
  url: text(2048).optional(),
  /** Metres. */
  accuracy: z.number().optional(),
  live: z
    .object({
      /** Metres per second, degrees clockwise from magnetic north. */
      speed: z.number().optional(),
      heading: z.number().optional(),
      /** Rises with each position. */
      sequence: z.number().optional(),
    })
    .optional(),
})
export type Place = z.infer<typeof Place>

/** A contact card as it was sent. `phones` are the numbers that its vCard names, as written there. */
export const ContactCard = z.object({
  name: text(256),
  vcard: text(16_384),
  phones: z.array(text(64)).max(32),
})
export type ContactCard = z.infer<typeof ContactCard>

/** A question with its options; the votes are in `interactions` of the message, the sums in `tally` of REST answers. */
export const Poll = z.object({
  name: text(1024),
  options: z.array(text(256)).max(64),
  /** How many options one may choose; 0 is any number. */
  selectable: z.number().int().min(0).max(64),
})
export type Poll = z.infer<typeof Poll>

/** A link preview, as whoever wrote the message supplied it. Nothing of it is fetched or checked here. */
export const LinkPreview = z.object({
  url: text(2048),
  title: text(1024).optional(),
  description: text(4096).optional(),
  /** A small JPEG, base64. */
  thumbnail: text(32_768).optional(),
})
export type LinkPreview = z.infer<typeof LinkPreview>

/** What a reply shows of the message that it answers, which may be unknown here. */
export const Quote = z.object({
  wa_id: text(128),
  sender_jid: Jid.optional(),
  message_type: text(32),
  text: text(1024).nullable(),
})
export type Quote = z.infer<typeof Quote>

/** What a system notice is about. Its `text_content` is null: clients word it in their language. */
export const Notice = z.looseObject({
  /** missed_call, disappearing, number_changed, encryption_changed, group_created, group_subject, group_added, … */
  kind: text(64),
  /** Who did it; absent when it was nobody or the linked account (then `by_me`). */
  by: Jid.optional(),
  by_me: z.boolean().optional(),
  /** Whom it is about. */
  participants: z.array(Jid).max(1024).optional(),
  /** New value, in words or digits: a subject, a number, `on` or `off`. */
  value: text(4096).nullable().optional(),
  /** Seconds, of kind disappearing; 0 is off. */
  seconds: z.number().int().nonnegative().optional(),
  /** Of kind missed_call. */
  video: z.boolean().optional(),
})
export type Notice = z.infer<typeof Notice>

/** A planned event that was announced in a chat. */
export const PlannedEvent = z.object({
  name: text(1024),
  description: text(4096).optional(),
  /** ISO 8601. */
  starts_at: text(40).optional(),
  ends_at: text(40).optional(),
  place: text(1024).optional(),
  cancelled: z.boolean().optional(),
})
export type PlannedEvent = z.infer<typeof PlannedEvent>

/** What a message with buttons or a list offers to choose. */
export const Choices = z.object({
  header: text(1024).optional(),
  footer: text(1024).optional(),
  /** What opens the list. */
  button: text(256).optional(),
  options: z
    .array(
      z.object({
        id: text(256).optional(),
        text: text(1024),
        description: text(1024).optional(),
        url: text(2048).optional(),
        phone: text(64).optional(),
      }),
    )
    .max(128),
})
export type Choices = z.infer<typeof Choices>

/** What was chosen of such a message, or answered to an event. */
export const Choice = z.object({
  kind: z.enum(['button', 'list', 'template', 'interactive', 'event']),
  id: text(256).optional(),
  text: text(1024),
})
export type Choice = z.infer<typeof Choice>

/** An invitation to a group. */
export const GroupInvitation = z.object({
  jid: Jid,
  name: text(1024).optional(),
  code: text(128),
  /** ISO 8601. */
  expires_at: text(40).optional(),
})
export type GroupInvitation = z.infer<typeof GroupInvitation>

export const MessageContent = z.looseObject({
  /** message_type location. */
  location: Place.optional(),
  /** message_type contact. */
  contacts: z.array(ContactCard).max(257).optional(),
  /** message_type poll. */
  poll: Poll.optional(),
  /** message_type notice. */
  notice: Notice.optional(),
  /** message_type unsupported: WhatsApp's name of the kind, or `ciphertext` for one that could not be decrypted yet. */
  unsupported: z.object({ type: text(64) }).optional(),
  /** Of a medium: a small JPEG, base64, to be shown until the file is there. Whoever sent it made it; nobody has checked it. */
  thumbnail: text(32_768).optional(),
  /** message_type audio: recorded in the chat. */
  voice_note: z.literal(true).optional(),
  /** message_type video: plays by itself, without sound, again and again. */
  gif: z.literal(true).optional(),
  /** message_type video: recorded in the chat, round. */
  video_note: z.literal(true).optional(),
  /** message_type sticker: it moves. */
  animated: z.literal(true).optional(),
  /** message_type text with more than text. */
  event: PlannedEvent.optional(),
  choices: Choices.optional(),
  choice: Choice.optional(),
  group_invitation: GroupInvitation.optional(),
  preview: LinkPreview.optional(),
  /** JIDs that the text mentions, in it written `@` and the JID's digits. */
  mentions: z.array(Jid).max(1024).optional(),
  mentions_everyone: z.literal(true).optional(),
  quote: Quote.optional(),
  /** How often it was forwarded; 4 and more is "many times" on a phone. */
  forwarded: z.number().int().positive().optional(),
  /** To be looked at once, on the phone: content and medium are not kept here. */
  view_once: z.literal(true).optional(),
  /** It disappears this many seconds after it was sent. */
  ephemeral_seconds: z.number().int().positive().optional(),
})
export type MessageContent = z.infer<typeof MessageContent>

/** Bytes that the JSON of a content may have at most, as the column's check counts them. */
export const maxContentBytes = 262_144
