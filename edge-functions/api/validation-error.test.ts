import { describe, expect, it } from 'vitest'
import type { z } from '@hono/zod-openapi'
import { ConversationsQuery, SendMessageRequest, StartConversationRequest } from '#shared/api.ts'
import { validationError } from './validation-error.ts'

describe('validation errors', () => {
  it('say one sentence a field in the caller’s language and name the first field', () => {
    const input = { textContent: 5, replyTo: 'x', extra: true }
    expect(explain(SendMessageRequest, input, 'es')).toEqual({
      code: 'invalid_request',
      param: 'conversationId',
      sentence:
        'Falta conversationId. textContent debe ser de tipo string. replyTo no tiene la forma correcta. extra no existe aquí.',
    })
    expect(explain(SendMessageRequest, input, 'en').sentence).toBe(
      'conversationId is missing. textContent must be of type string. replyTo has not the right form. extra is not known here.',
    )
  })

  it('name limits and choices', () => {
    expect(explain(ConversationsQuery, { limit: '201', archived: 'yes' }, 'en').sentence).toBe(
      'limit is too long or big: the maximum is 200. archived must be one of: true, false.',
    )
    expect(explain(ConversationsQuery, { limit: '0' }, 'en').sentence).toBe(
      'limit is too short or small: the minimum is 1.',
    )
    expect(explain(ConversationsQuery, { limit: 'many' }, 'en').sentence).toBe('limit must be of type number.')
  })

  it('speak of the nearest of several forms', () => {
    expect(explain(StartConversationRequest, {}, 'es').param).toBe('phone')
    expect(explain(StartConversationRequest, { phone: 34 }, 'en').sentence).toBe('phone must be of type string.')
    expect(explain(StartConversationRequest, { phone: '1', jid: '2' }, 'en').sentence).toBe('jid is not known here.')
  })

  it('speak of the body when it is no object', () => {
    for (const input of [null, [], 'text', 1])
      expect(explain(SendMessageRequest, input, 'en')).toMatchObject({
        param: 'body',
        sentence: 'body must be of type object.',
      })
  })

  it('never quote what was sent', () => {
    const sentence = explain(SendMessageRequest, { conversationId: '', replyTo: 'secret-value' }, 'en').sentence
    expect(sentence).not.toContain('secret-value')
  })
})

function explain(schema: z.ZodType, input: unknown, language: 'es' | 'en') {
  const { error } = schema.safeParse(input)
  const { code, param, sentence } = validationError(error?.issues ?? [], input, language)
  return { code, param, sentence }
}
