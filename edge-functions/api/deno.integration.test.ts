import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, describe, expect, it } from 'vitest'
import { SessionResponse } from '#shared/api.ts'
import { createTestStack } from '../../supabase/local/create-test-stack.ts'
import { createFunctionHost } from '../../supabase/local/functions/create-function-host.ts'

const root = join(import.meta.dirname, '../..')
const cacheFolder = mkdtempSync(join(tmpdir(), 'edge-functions-'))
afterAll(() => rmSync(cacheFolder, { recursive: true, force: true }))

const get = (url: string, headers = {}) => fetch(url, { headers })

describe('the function api', () => {
  it('passes the types of Deno, without network, with its own import map', async () => {
    const offline = ['--no-lock', '--node-modules-dir=manual', '--config=edge-functions/api/deno.json']
    const check = promisify(execFile)(
      join(root, 'node_modules/.bin/deno'),
      ['check', ...offline, 'edge-functions/api/index.ts'],
      { cwd: root, env: { ...process.env, DENO_DIR: cacheFolder, NO_COLOR: '1', DENO_NO_UPDATE_CHECK: '1' } },
    )
    await expect(check).resolves.toMatchObject({ stderr: expect.stringContaining('Check edge-functions/api/index.ts') })
  }, 300_000)

  it('imports the versions that the package locks', async () => {
    const read = async (path: string): Promise<unknown> => JSON.parse(await readFile(join(root, path), 'utf8'))
    const { imports } = (await read('edge-functions/api/deno.json')) as { imports: Record<string, string> }
    const { dependencies } = (await read('package.json')) as { dependencies: Record<string, string> }
    const mapped = Object.values(imports).filter((target) => target.startsWith('npm:'))
    expect(mapped).not.toEqual([])
    for (const target of mapped) {
      const [, name = '', version] = /^npm:\/?(@?[^@]+)@([^/]+)/.exec(target) ?? []
      expect([name, version]).toEqual([name, dependencies[name]])
    }
  })

  it('answers 500 and names the variables in its log when its environment will not do', async () => {
    const lines: string[] = []
    await using host = createFunctionHost({
      folder: join(root, 'edge-functions'),
      cacheFolder,
      environment: {},
      log: (line) => lines.push(line),
    })
    const answer = await host.fetch(new Request('http://127.0.0.1/api/openapi.json'), 'api/openapi.json')
    expect([answer.status, await answer.json()]).toMatchObject([500, { success: false, error: { code: 'internal' } }])
    // Its log comes by another way than its answer.
    await expect.poll(() => lines.join('\n')).toMatch(/SUPABASE_URL.*SUPABASE_PUBLISHABLE_KEY/)
  })

  it('verifies tokens of a project with the legacy secret, and then no others', async () => {
    const hs256Secret = 'a-secret-of-more-than-thirty-two-characters'
    await using stack = await createTestStack({ hs256Secret, functions: { warm: true } })
    const { id } = await stack.createUser({ email: 'user@example.com', password: 'password-1' })
    const ask = async (token: string) =>
      get(`${stack.url}/functions/v1/api/whatsapp/session`, { authorization: `Bearer ${token}` })
    const answer = await ask(await stack.mintToken({ sub: id }))
    expect(answer.status).toBe(200)
    expect(SessionResponse.parse(await answer.json()).session.status).toBe('unlinked')
    for (const algorithm of ['foreign', 'none'] as const)
      expect((await ask(await stack.mintToken({ sub: id }, { algorithm }))).status).toBe(401)
    const other = await stack.mintToken({ sub: id }, { algorithm: 'HS256', secret: `${hs256Secret}x` })
    expect((await ask(other)).status).toBe(401)
  })
})
