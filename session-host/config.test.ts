import { describe, expect, it } from 'vitest'
import { ConfigError, readConfig } from './config.ts'

const valid = {
  DATABASE_URL: 'postgres://host:secret@db.example.com:5432/postgres',
  SUPABASE_URL: 'https://project.example.com/',
  SUPABASE_PUBLISHABLE_KEY: 'sb_publishable_abc',
}
const key = `k1:${Buffer.alloc(32, 7).toString('base64')}`

function problemsOf(environment: Record<string, string>): string[] {
  try {
    readConfig(environment)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
}

describe('configuration', () => {
  it('names every bad variable at once', () => {
    const problems = problemsOf({ PORT: 'abc', LOG_LEVEL: 'loud', WHATSAPP_MAX_RETRIES: '-1' })
    const named = problems.map((problem) => problem.split(' ')[0])
    expect(new Set(named)).toEqual(
      new Set([
        'PORT',
        'LOG_LEVEL',
        'WHATSAPP_MAX_RETRIES',
        'DATABASE_URL',
        'SUPABASE_URL',
        'SUPABASE_PUBLISHABLE_KEY',
      ]),
    )
  })

  it('verifies tokens by JWKS unless a shared secret is given, never by both', () => {
    expect(readConfig(valid).tokens).toEqual({
      issuer: 'https://project.example.com/auth/v1',
      jwksUrl: 'https://project.example.com/auth/v1/.well-known/jwks.json',
    })
    expect(readConfig({ ...valid, JWT_SECRET: 'x'.repeat(40) }).tokens).toEqual({
      issuer: 'https://project.example.com/auth/v1',
      secret: 'x'.repeat(40),
    })
    expect(problemsOf({ ...valid, JWT_SECRET: 'x', SUPABASE_JWKS_URL: 'https://a.example.com/jwks' })).toHaveLength(1)
  })

  it('accepts a root certificate key for loopback endpoints only', () => {
    const root = 'ab'.repeat(32)
    const endpoint = 'ws://127.0.0.1:9000/ws/chat'
    expect(
      readConfig({ ...valid, WHATSAPP_ROOT_CERT_KEY: root, WHATSAPP_WEB_SOCKET_URL: endpoint }).whatsapp,
    ).toMatchObject({ rootCertKey: root, simulated: true, endpoint })
    for (const far of [
      'wss://web.whatsapp.com/ws/chat',
      'wss://127.0.0.1.example.com/ws',
      'wss://localhost.example.com/',
    ])
      expect(problemsOf({ ...valid, WHATSAPP_ROOT_CERT_KEY: root, WHATSAPP_WEB_SOCKET_URL: far })).toHaveLength(1)
  })

  it('refuses in production what belongs to development, and says how to make what is missing', () => {
    const problems = problemsOf({
      ...valid,
      NODE_ENV: 'production',
      WHATSAPP_WEB_SOCKET_URL: 'ws://localhost:9000/ws/chat',
      SUPABASE_PUBLISHABLE_KEY: 'sb_publishable_embedded_abc',
      JWT_SECRET: 'strong-secret-key',
    })
    expect(problems.map((problem) => problem.split(' ')[0])).toEqual([
      'WHATSAPP_WEB_SOCKET_URL',
      'SUPABASE_PUBLISHABLE_KEY',
      'JWT_SECRET',
      'AUTH_STATE_KEY',
      'CORS_ORIGINS',
    ])
    expect(problems.join(' ')).toContain('openssl rand -base64 32')
    expect(
      problemsOf({ ...valid, NODE_ENV: 'production', AUTH_STATE_KEY: key, CORS_ORIGINS: 'https://app.example.com' }),
    ).toEqual([])
  })

  it('takes several keys, the first of which writes, and refuses short ones', () => {
    const second = `old:${Buffer.alloc(32, 9).toString('base64')}`
    expect(readConfig({ ...valid, AUTH_STATE_KEY: `${key},${second}` }).authStateKeys?.map(({ id }) => id)).toEqual([
      'k1',
      'old',
    ])
    expect(problemsOf({ ...valid, AUTH_STATE_KEY: 'k1:c2hvcnQ=' })).toHaveLength(1)
  })
})
