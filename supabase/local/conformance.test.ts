import { randomUUID } from 'node:crypto'
import process from 'node:process'
import { createClient, type SupabaseClient } from '@supabase/supabase-js'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTestStack } from './create-test-stack.ts'

/**
 * What the product uses of Supabase, with the stock client. Runs against the embedded stack, and against a real project with
 * the same migrations when SUPABASE_CONFORMANCE_URL, …_PUBLISHABLE_KEY and …_SECRET_KEY are set. Users made are deleted.
 */
const {
  SUPABASE_CONFORMANCE_URL: realUrl,
  SUPABASE_CONFORMANCE_PUBLISHABLE_KEY: realPublishableKey,
  SUPABASE_CONFORMANCE_SECRET_KEY: realSecretKey,
} = process.env
const targets = ['the embedded stack', ...(realUrl ? ['the real project'] : [])]
if (!realUrl) {
  process.stdout.write(
    'CONFORMANCE: no SUPABASE_CONFORMANCE_URL: checked against the embedded stack only, NOT against a real project\n',
  )
}

describe.each(targets)('%s', (target) => {
  let stack: AsyncDisposable & { url: string; publishableKey: string; secretKey: string }
  let admin: SupabaseClient
  const password = randomUUID()
  const made: string[] = []

  beforeAll(async () => {
    stack =
      target === 'the embedded stack'
        ? await createTestStack()
        : {
            url: realUrl ?? '',
            publishableKey: realPublishableKey ?? '',
            secretKey: realSecretKey ?? '',
            async [Symbol.asyncDispose]() {},
          }
    admin = client(stack.secretKey)
  })

  afterAll(async () => {
    for (const id of made) await admin.auth.admin.deleteUser(id)
    await stack[Symbol.asyncDispose]()
  })

  function client(key = stack.publishableKey): SupabaseClient {
    return createClient(stack.url, key, { auth: { persistSession: false, autoRefreshToken: false } })
  }

  async function newUser(): Promise<{ user: SupabaseClient; id: string; email: string }> {
    const email = `${randomUUID()}@example.com`
    const { data, error } = await admin.auth.admin.createUser({ email, password, email_confirm: true })
    expect(error).toBeNull()
    const id = data.user?.id ?? ''
    made.push(id)
    const user = client()
    expect((await user.auth.signInWithPassword({ email, password })).error).toBeNull()
    return { user, id, email }
  }

  test('signing up gives a session at once', async () => {
    const email = `${randomUUID()}@example.com`
    const { data, error } = await client().auth.signUp({ email, password, options: { data: { nick: 'x' } } })
    expect(error).toBeNull()
    made.push(data.user?.id ?? '')
    expect(data.user).toMatchObject({
      email,
      role: 'authenticated',
      aud: 'authenticated',
      user_metadata: { nick: 'x' },
    })
    expect(data.session?.access_token).toMatch(/^ey/)
  })

  test('a second sign-up with the same address is refused by name', async () => {
    const { email } = await newUser()
    const { error } = await client().auth.signUp({ email, password })
    expect(error).toMatchObject({ status: 422, code: 'user_already_exists' })
  })

  test('a weak password is refused by name', async () => {
    const { error } = await client().auth.signUp({ email: `${randomUUID()}@example.com`, password: 'short' })
    expect(error).toMatchObject({ status: 422, code: 'weak_password' })
  })

  test('a wrong password and an unknown address are refused alike', async () => {
    const { email } = await newUser()
    const wrong = await client().auth.signInWithPassword({ email, password: 'not this one' })
    const unknown = await client().auth.signInWithPassword({ email: `${randomUUID()}@example.com`, password })
    expect(wrong.error).toMatchObject({ status: 400, code: 'invalid_credentials' })
    expect(unknown.error).toMatchObject({ status: 400, code: 'invalid_credentials', message: wrong.error?.message })
  })

  test('the token carries the platform’s claims and its issuer’s published key verifies it', async () => {
    const { user, id, email } = await newUser()
    const { data, error } = await user.auth.getClaims()
    expect(error).toBeNull()
    expect(data?.header).toMatchObject({ alg: 'ES256', typ: 'JWT', kid: expect.any(String) })
    expect(data?.claims).toMatchObject({
      iss: `${stack.url}/auth/v1`,
      aud: 'authenticated',
      role: 'authenticated',
      sub: id,
      email,
      aal: 'aal1',
      amr: [{ method: 'password', timestamp: expect.any(Number) }],
      session_id: expect.any(String),
      is_anonymous: false,
    })
    expect((data?.claims.exp ?? 0) - (data?.claims.iat ?? 0)).toBe(3600)
  })

  test('refreshing rotates the token, and the session stays the same', async () => {
    const { user } = await newUser()
    const before = (await user.auth.getSession()).data.session
    const { data, error } = await user.auth.refreshSession()
    expect(error).toBeNull()
    expect(data.session?.refresh_token).not.toBe(before?.refresh_token)
    const { data: claims } = await user.auth.getClaims()
    const { data: earlier } = await user.auth.getClaims(before?.access_token)
    expect(claims?.claims['session_id']).toBe(earlier?.claims['session_id'])
  })

  test('a refresh token that was replaced twice ends the session', async () => {
    const { user } = await newUser()
    const first = (await user.auth.getSession()).data.session?.refresh_token ?? ''
    await user.auth.refreshSession()
    await user.auth.refreshSession()
    // Within the platform's ten seconds an old token still answers with the current one, so only the outcome's kind is fixed.
    const { data, error } = await client().auth.refreshSession({ refresh_token: first })
    expect(error?.code ?? data.session?.token_type).toMatch(/^(refresh_token_already_used|bearer)$/)
    const unknown = await client().auth.refreshSession({ refresh_token: 'nobodys-token' })
    expect(unknown.error).toMatchObject({ status: 400, code: 'refresh_token_not_found' })
  })

  test('a user reads and changes themselves', async () => {
    const { user, id } = await newUser()
    expect((await user.auth.getUser()).data.user?.id).toBe(id)
    const { data, error } = await user.auth.updateUser({ data: { language: 'es' }, password: `${password}2` })
    expect(error).toBeNull()
    expect(data.user?.user_metadata).toMatchObject({ language: 'es' })
  })

  test('after signing out the session is gone', async () => {
    const { user } = await newUser()
    const token = (await user.auth.getSession()).data.session?.access_token ?? ''
    expect((await user.auth.signOut()).error).toBeNull()
    expect((await client().auth.getUser(token)).error).toMatchObject({ name: 'AuthSessionMissingError' })
  })

  test('the administrator finds and deletes a user, and their rows go with them', async () => {
    const { user, id } = await newUser()
    expect((await user.from('personalities').insert({ user_id: id, name: 'Brief' })).error).toBeNull()
    expect((await admin.auth.admin.getUserById(id)).data.user?.id).toBe(id)
    expect((await admin.auth.admin.listUsers({ page: 1, perPage: 1000 })).data.users.map((one) => one.id)).toContain(id)
    expect((await admin.auth.admin.deleteUser(id)).error).toBeNull()
    const { data, error } = await admin.from('personalities').select('id').eq('user_id', id)
    expect({ data, error }).toEqual({ data: [], error: null })
  })

  test('a user administers nobody', async () => {
    const { user } = await newUser()
    expect((await user.auth.admin.listUsers()).error).toMatchObject({
      status: expect.toSatisfy((status) => status === 401 || status === 403),
    })
  })

  test('a user writes, reads, changes and deletes their own rows', async () => {
    const { user, id } = await newUser()
    const inserted = await user
      .from('personalities')
      .insert({ user_id: id, name: 'Brief', instructions: 'Be brief.' })
      .select()
      .single()
    expect(inserted.error).toBeNull()
    expect(inserted.status).toBe(201)
    expect(inserted.data.created_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00$/)
    const changed = await user
      .from('personalities')
      .update({ name: 'Briefer' })
      .eq('id', inserted.data.id)
      .select('name')
    expect(changed.data).toEqual([{ name: 'Briefer' }])
    const counted = await user
      .from('personalities')
      .select('id, name', { count: 'exact' })
      .like('name', 'Brief%')
      .order('name')
      .range(0, 9)
    expect(counted).toMatchObject({ count: 1, data: [{ name: 'Briefer' }] })
    expect((await user.from('personalities').delete().eq('id', inserted.data.id)).status).toBe(204)
    expect((await user.from('personalities').select().maybeSingle()).data).toBeNull()
  })

  test('another user sees and changes nothing of it', async () => {
    const { user, id } = await newUser()
    const { user: other } = await newUser()
    const { data } = await user.from('personalities').insert({ user_id: id, name: 'Mine' }).select('id').single()
    expect((await other.from('personalities').select().eq('id', data?.id)).data).toEqual([])
    expect((await other.from('personalities').update({ name: 'Theirs' }).eq('id', data?.id).select()).data).toEqual([])
    expect((await other.from('personalities').insert({ user_id: id, name: 'Forged' })).error).toMatchObject({
      code: '42501',
    })
    expect((await user.from('personalities').select('name').single()).data).toEqual({ name: 'Mine' })
  })

  test('without signing in nothing is granted', async () => {
    const read = await client().from('personalities').select()
    expect(read).toMatchObject({ status: 401, error: { code: '42501' } })
    const call = await client().rpc('get_conversation', { p_conversation: 'x' })
    expect(call).toMatchObject({ status: 401, error: { code: '42501' } })
  })

  test('a function’s own error arrives with its status, message and hint', async () => {
    const { user } = await newUser()
    const { status, error } = await user.rpc('get_conversation', { p_conversation: randomUUID() })
    expect(status).toBe(404)
    expect(error).toMatchObject({ code: 'PT404', message: 'Conversation not found.', hint: 'conversation_not_found' })
  })

  test('a function returning rows is read, filtered and ordered like a table', async () => {
    const { user } = await newUser()
    const { data, error } = await user
      .rpc('list_conversations', { p_limit: 5 })
      .select('id, contact_name')
      .eq('archived', false)
      .order('id')
    expect({ data, error }).toEqual({ data: [], error: null })
  })

  test('what the API does not expose can’t be reached', async () => {
    const { user } = await newUser()
    expect((await user.from('whatsapp_credentials').select()).error).toMatchObject({ code: 'PGRST205' })
    expect((await user.schema('private').from('whatsapp_credentials').select()).error).toMatchObject({
      code: 'PGRST106',
    })
    expect((await user.rpc('no_such_function', { a: 1 })).error).toMatchObject({ code: 'PGRST202' })
  })

  test('a request without a key, and one with a wrong key, get 401', async () => {
    expect((await fetch(`${stack.url}/rest/v1/personalities`)).status).toBe(401)
    expect((await client('sb_publishable_wrong').from('personalities').select()).status).toBe(401)
  })

  test('a browser of any origin may call', async () => {
    const response = await fetch(`${stack.url}/rest/v1/personalities`, {
      method: 'OPTIONS',
      headers: {
        origin: 'http://app.example',
        'access-control-request-method': 'GET',
        'access-control-request-headers': 'apikey,authorization',
      },
    })
    expect(response.ok).toBe(true)
    expect(response.headers.get('access-control-allow-origin')).toMatch(/^(\*|http:\/\/app\.example)$/)
    expect(response.headers.get('access-control-allow-headers')?.toLowerCase()).toContain('apikey')
  })
})
