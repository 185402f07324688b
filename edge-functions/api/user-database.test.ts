import { describe, expect, it } from 'vitest'
import { databaseError } from './user-database.ts'

describe('database errors', () => {
  it('are what the SQL function says in its hint, whatever the status', () => {
    const error = { code: 'PT404', hint: 'conversation_not_found', message: 'Conversation not found.' }
    expect(databaseError(error, 404).code).toBe('conversation_not_found')
    expect(databaseError(error, 500).code).toBe('conversation_not_found')
  })

  it('are a refused token when rest refuses it', () => {
    expect(databaseError({ code: 'PGRST303', hint: null }, 401).code).toBe('invalid_token')
  })

  it('are our own fault when the gateway refuses our key', () => {
    expect(databaseError({ hint: 'Double check your API key' }, 401).code).toBe('internal')
  })

  it('are an outage when nothing answers, a gateway does, or Postgres has no room', () => {
    for (const [code, status] of [
      ['', 0],
      ['', 502],
      ['PGRST002', 503],
      ['', 504],
      ['57014', 500],
      ['53300', 500],
      ['08006', 500],
    ] as const)
      expect(databaseError({ code, hint: '' }, status).code).toBe('unavailable')
  })

  it('are a bad request when a value does not fit', () => {
    for (const code of ['22P05', '22021', '22008']) expect(databaseError({ code }, 400).code).toBe('invalid_request')
  })

  it('keep the database’s own words to themselves', () => {
    const error = { code: '23505', message: 'Key (phone)=(34600111222) already exists', details: '34600111222' }
    const translated = databaseError(error, 409)
    expect(translated.code).toBe('internal')
    expect(`${translated.message} ${String(translated.cause)}`).not.toContain('34600111222')
  })
})
