import { z } from 'zod'

const number = z.string().regex(/^\+?[1-9]\d{6,14}$/, 'E.164 digits')
const lid = z.string().regex(/^[1-9]\d{5,19}$/, 'digits')
const jidOrNumber = z.string().min(3).max(100)
const name = z.string().min(1).max(100)
const seconds = z.number().int().min(0).max(100_000_000_000)
const id = z.string().regex(/^[A-Za-z0-9_-]{4,64}$/, '4 to 64 letters and digits')

export const contactBody = z.strictObject({
  number,
  name,
  lid: lid.optional(),
  push_name: name.optional(),
  saved: z.boolean().optional(),
})

const historyBody = z.strictObject({
  with: number,
  unread: z.number().int().min(0).optional(),
  messages: z.array(
    z.strictObject({
      from_me: z.boolean(),
      text: z.string(),
      at: seconds,
      id: id.optional(),
      status: z.enum(['sent', 'delivered', 'read']).optional(),
    }),
  ),
})

const generateBody = z
  .strictObject({
    conversations: z.number().int().min(1).max(10_000),
    messages: z.number().int().min(1).max(1_000_000),
    chunk: z.number().int().min(1).max(50_000).default(5000),
    delivery: z.enum(['inline', 'external']).default('inline'),
    on_demand: z.number().int().min(0).default(0),
    seed: z.string().min(1).max(100).default('history'),
  })
  .refine((each) => each.messages >= each.conversations, 'each conversation has at least one message')

export const phoneBody = z.strictObject({
  generate: generateBody.optional(),
  number: number.optional(),
  name: name.optional(),
  lid: lid.optional(),
  contacts: z.array(contactBody).optional(),
  history: z.array(historyBody).optional(),
})

export const scanBody = z.union([
  z.strictObject({ qr: z.string() }),
  z.strictObject({ image: z.string() }),
  z.strictObject({ camera: z.literal(true) }),
])

export const codeBody = z.strictObject({ code: z.string().min(8).max(20) })
export const imageBody = z.strictObject({ image: z.string() })

export const sayBody = z.strictObject({
  to: jidOrNumber,
  text: z.string().min(1).max(65_536),
  as: z.enum(['lid', 'pn']).optional(),
  id: id.optional(),
  at: seconds.optional(),
})

export const readBody = z.strictObject({ with: jidOrNumber, id: id.optional() })
export const airplaneBody = z.strictObject({ on: z.boolean() })
const device = z.number().int().min(1).optional()
export const unlinkBody = z.strictObject({ device })
export const dropBody = z.union([
  z.strictObject({ how: z.enum(['clean', 'dirty', 'downgrade']), device }),
  z.strictObject({ error: z.string().regex(/^[a-z0-9-]{1,50}$/), type: z.string().max(50).optional(), device }),
  z.strictObject({ code: z.number().int().min(100).max(999), device }),
])
export const loginFailureBody = z.strictObject({
  reason: z.number().int().min(100).max(999),
  times: z.number().int().min(0).max(1_000_000).default(1),
})
export const messagesQuery = z.object({
  with: jidOrNumber.optional(),
  after: z.coerce.number().int().min(0).default(0),
})
export const eventsQuery = z.object({ after: z.coerce.number().int().min(0).optional() })
