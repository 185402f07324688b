import { randomBytes, randomUUID } from 'node:crypto'
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { exportJWK, generateKeyPair, type JWK } from 'jose'

/** Everything secret that belongs to a data folder; made at its first start and kept in a file that only its owner reads. */
export interface Secrets {
  /** Login roles of Postgres → password. */
  passwords: Record<LoginRole, string>
  publishableKey: string
  secretKey: string
  /** The ES256 key that signs tokens, private part included. */
  signingKey: JWK
}

export type LoginRole = 'supabase_admin' | 'postgres' | 'authenticator' | 'supabase_auth_admin' | 'session_host'

/** Reads the secrets of a data folder, making them first where there are none. */
export async function loadSecrets(folder: string): Promise<Secrets> {
  const file = join(folder, 'secrets.json')
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as Secrets
  const secrets = await makeSecrets()
  writeFileSync(`${file}.new`, JSON.stringify(secrets), { mode: 0o600 })
  renameSync(`${file}.new`, file)
  return secrets
}

async function makeSecrets(): Promise<Secrets> {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  return {
    passwords: {
      supabase_admin: random(),
      postgres: random(),
      authenticator: random(),
      supabase_auth_admin: random(),
      session_host: random(),
    },
    publishableKey: `sb_publishable_embedded_${random()}`,
    secretKey: `sb_secret_embedded_${random()}`,
    signingKey: { ...(await exportJWK(privateKey)), alg: 'ES256', use: 'sig', kid: randomUUID() },
  }
}

function random(): string {
  return randomBytes(24).toString('base64url')
}
