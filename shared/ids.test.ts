import { describe, expect, it } from 'vitest'
import { isPersonJid, normalizeJid, parseJid, phoneOf } from '#shared/ids.ts'

describe('ids', () => {
  it('takes devices, agents and old server names off a JID', () => {
    expect(normalizeJid('34600111222:7@s.whatsapp.net')).toBe('34600111222@s.whatsapp.net')
    expect(normalizeJid('34600111222_1:7@s.whatsapp.net')).toBe('34600111222@s.whatsapp.net')
    expect(normalizeJid('34600111222@c.us')).toBe('34600111222@s.whatsapp.net')
    expect(normalizeJid('98765:3@lid')).toBe('98765@lid')
    expect(parseJid('98765:3@lid')).toEqual({ kind: 'lid', user: '98765', device: 3 })
  })

  it('keeps group ids whole', () => {
    expect(normalizeJid('34600111222-1420070400@g.us')).toBe('34600111222-1420070400@g.us')
  })

  it('refuses what is no JID', () => {
    for (const bad of [
      '',
      '@',
      'x',
      '34600@',
      '@lid',
      'abc@s.whatsapp.net',
      '1@example.com',
      null,
      undefined,
      "1'@lid",
    ])
      expect(normalizeJid(bad)).toBeNull()
  })

  it('tells people from groups', () => {
    expect(isPersonJid('1@lid')).toBe(true)
    expect(isPersonJid('1@g.us')).toBe(false)
    expect(phoneOf('34600111222:1@s.whatsapp.net')).toBe('34600111222')
    expect(phoneOf('1@lid')).toBeNull()
  })
})
