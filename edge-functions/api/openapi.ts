import type { z } from '@hono/zod-openapi'
import { describeError, type ErrorCode } from '#shared/errors.ts'
import type { Routes } from './api-env.ts'
import { schemas } from './schemas.ts'

/** The OpenAPI 3.1 document of the app, made from the schemas that check its requests. */
export function apiDocument(app: Routes, supabaseUrl: string) {
  return app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'WhatsApp gateway',
      version: '0.1.0',
      description:
        'Link a WhatsApp number, read its conversations and answer them. Every request carries a Supabase Auth access token ' +
        'and sees what belongs to its user; anything else answers as if it did not exist. Errors are ' +
        '`{success: false, error: {code, message}}`: Spanish by default, English with `Accept-Language: en`.',
    },
    servers: [
      { url: '/', description: 'The session-host' },
      { url: `${supabaseUrl.replace(/\/+$/, '')}/functions/v1`, description: 'The Supabase function' },
    ],
    tags: [
      { name: 'session', description: 'The linked number' },
      { name: 'conversations', description: 'Chats with people and groups' },
      { name: 'contacts', description: 'People, by name' },
      { name: 'messages', description: 'What was written in them' },
      { name: 'media', description: 'Files of messages: fetching them, and uploading those that are to be sent' },
      { name: 'groups', description: 'Making, changing, joining and leaving groups' },
      { name: 'calls', description: 'Calls that ring' },
      { name: 'personalities', description: 'How a user’s assistant speaks' },
    ],
  })
}

/** Declares how a route's caller shows who they are. */
export const bearer = [{ bearer: [] }]

/** Tells the document what `bearer` is. */
export function registerBearer(app: Routes): void {
  app.openAPIRegistry.registerComponent('securitySchemes', 'bearer', {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: 'Access token of Supabase Auth.',
  })
}

/** A JSON answer with its schema and an example. */
export function jsonAnswer<S extends z.ZodType>(description: string, schema: S, example: z.input<S>) {
  return { description, content: { 'application/json': { schema, example } } }
}

/** Errors that every route with a caller may answer. */
const everywhere: ErrorCode[] = [
  'missing_token',
  'invalid_token',
  'expired_token',
  'rate_limited',
  'internal',
  'unavailable',
]

/**
 * The error answers of a route, one a status. They are thrown, never returned, so the type says nothing of them and a handler
 * is held to its successful answers.
 */
export function errorAnswers(...codes: ErrorCode[]): Record<never, never> {
  const byStatus = Map.groupBy([...codes, ...everywhere], (code) => describeError(code, 'en').status)
  return Object.fromEntries(
    Array.from(byStatus, ([status, group]) => [
      status,
      {
        description: group.map((code) => `\`${code}\` ${describeError(code, 'en').message}`).join(' '),
        content: {
          'application/json': {
            schema: schemas.error,
            examples: Object.fromEntries(group.map((code) => [code, { value: errorExample(code) }])),
          },
        },
      },
    ]),
  )
}

function errorExample(code: ErrorCode) {
  const { message, retryable } = describeError(code, 'es')
  return { success: false, error: { code, message, request_id: '0f8fad5b-d9cb-469f-a165-70867728950e', retryable } }
}
