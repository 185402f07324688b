import { describe, expect, it } from 'vitest'
import { hostedOptions } from './hosted-options.ts'

const read = (environment: Record<string, string>) => (name: string) => environment[name]

describe('hosted options', () => {
  it('name every variable that is missing', () => {
    expect(() => hostedOptions(read({}))).toThrow(/SUPABASE_URL.*SUPABASE_PUBLISHABLE_KEY/)
    expect(() => hostedOptions(read({ SUPABASE_URL: 'https://x.supabase.co' }))).toThrow(/SUPABASE_PUBLISHABLE_KEY/)
  })

  it('take the new key, alone or among the platform’s, before the legacy one', () => {
    const base = { SUPABASE_URL: 'https://x.supabase.co/', SUPABASE_ANON_KEY: 'legacy' }
    const keyOf = (more: Record<string, string>) => hostedOptions(read({ ...base, ...more })).publishableKey
    expect(keyOf({})).toBe('legacy')
    expect(keyOf({ SUPABASE_PUBLISHABLE_KEYS: '{"default":"sb_publishable_1"}' })).toBe('sb_publishable_1')
    expect(keyOf({ SUPABASE_PUBLISHABLE_KEYS: 'not json' })).toBe('legacy')
    expect(keyOf({ SUPABASE_PUBLISHABLE_KEY: 'sb_publishable_2' })).toBe('sb_publishable_2')
  })

  it('split the origins and allow none by default', () => {
    const base = { SUPABASE_URL: 'https://x.supabase.co', SUPABASE_ANON_KEY: 'legacy' }
    expect(hostedOptions(read(base)).corsOrigins).toEqual([])
    expect(hostedOptions(read({ ...base, CORS_ORIGINS: 'https://a.example, https://b.example' })).corsOrigins).toEqual([
      'https://a.example',
      'https://b.example',
    ])
  })
})
