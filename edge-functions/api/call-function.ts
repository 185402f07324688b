import type { z } from '@hono/zod-openapi'
import type { ApiContext } from './api-env.ts'

/** The shared actions name functions that the generated types know as well; here the names come from data. */
export function callFunction<S extends z.ZodType>(
  c: ApiContext,
  name: string,
  args: Record<string, unknown>,
  answer: S,
): Promise<z.output<S>> {
  const database = c.get('database') as {
    call(name: string, args: Record<string, unknown>, answer: S): Promise<z.output<S>>
  }
  return database.call(name, args, answer)
}
