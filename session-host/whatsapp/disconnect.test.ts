import { expect, test } from 'vitest'
import { SessionReason } from '#shared/session.ts'
import { describeReason } from '#shared/session-reasons.ts'
import type { Close } from './close.ts'
import { backoffPause, disconnects, reactTo, suspectAfter } from './disconnect.ts'

const said = (code: number | undefined): Close => ({ code, by: 'whatsapp' })
const codes = Array.from({ length: 1_000 }, (_, code) => code)

test('only an unlinked device costs the credentials, and only when WhatsApp says so', () => {
  expect(codes.filter((code) => reactTo(said(code), true).action === 'forget')).toEqual([401])
  for (const by of ['upgrade', 'network', 'host', 'qr'] as const)
    for (const code of [...codes, undefined])
      expect(reactTo({ code, by }, true)).toMatchObject({ action: 'reconnect', pause: 'backoff' })
})

test('every code of the table has its reaction, and every other one a patient reconnect', () => {
  for (const [code, reaction] of Object.entries(disconnects))
    expect(reactTo(said(Number(code)), true)).toEqual(reaction)
  expect(reactTo(said(418), true)).toMatchObject({ action: 'reconnect', pause: 'backoff' })
  expect(reactTo(said(undefined), true)).toMatchObject({ action: 'reconnect', pause: 'backoff' })
})

test('500 again and again makes the credentials suspect, and still tries on with them', () => {
  expect(reactTo(said(500), true, suspectAfter - 1)).toMatchObject({ action: 'reconnect', reason: 'bad_session' })
  expect(reactTo(said(500), true, 1_000)).toEqual({
    action: 'reconnect',
    pause: 'backoff',
    reason: 'credentials_suspect',
  })
})

test('an HTTP status on the upgrade says what is in the way', () => {
  const reasonOf = (code: number): string => reactTo({ code, by: 'upgrade' }, true).reason
  expect([401, 403, 407, 429, 500, 502, 503].map(reasonOf)).toEqual([
    'endpoint_refused',
    'endpoint_refused',
    'endpoint_refused',
    'rate_limited',
    'server_unavailable',
    'server_unavailable',
    'server_unavailable',
  ])
})

test('before a phone has linked, a QR that nobody scanned is told apart from a connection that failed', () => {
  for (const by of ['qr', 'host'] as const)
    expect(reactTo({ code: 408, by }, false)).toEqual({ action: 'retry-linking', reason: 'link_expired' })
  for (const code of [undefined, 401, 403, 408, 428, 440, 500, 515])
    expect(reactTo(said(code), false)).toEqual({ action: 'retry-linking', reason: 'link_failed' })
  expect(reactTo({ code: 408, by: 'network' }, false)).toEqual({ action: 'retry-linking', reason: 'link_failed' })
  expect(reactTo(said(405), false)).toMatchObject({ action: 'refresh-version' })
})

test('every reason is told in Spanish and English, in sentences of its own', () => {
  for (const language of ['es', 'en'] as const) {
    const told = SessionReason.options.map((reason) => describeReason(reason, language))
    expect(new Set(told).size).toBe(told.length)
    expect(told).not.toContain(describeReason('unknown', language))
  }
})

test('pauses grow to the cap and never beyond it', () => {
  const longest = (attempt: number): number => backoffPause(attempt, () => 0.999999)
  expect(longest(0)).toBeLessThanOrEqual(500)
  expect(longest(3)).toBeGreaterThan(longest(2))
  for (const attempt of [10, 100, 10_000]) expect(longest(attempt)).toBeLessThanOrEqual(60_000)
  expect(backoffPause(5, () => 0)).toBe(0)
})
