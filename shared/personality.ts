import { z } from 'zod'

/** How an assistant of a user speaks: a row of personalities as the API shows it. */
export const Personality = z.object({
  id: z.uuid(),
  name: z.string(),
  instructions: z.string(),
  created_at: z.string(),
  updated_at: z.string(),
})
export type Personality = z.infer<typeof Personality>
