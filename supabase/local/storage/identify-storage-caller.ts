import type { Issuer } from '../auth/create-issuer.ts'
import type { Caller } from '../caller.ts'
import { identifyKey, identifyUser } from '../identify-caller.ts'
import type { Secrets } from '../secrets.ts'
import { accessDenied, StorageError } from './storage-error.ts'

const anonymous: Caller = { role: 'anon', claims: { role: 'anon' }, secret: false }

/** Who calls, by key and token; a user's token is enough. Throws `AccessDenied` in Storage's own shape. */
export async function identifyStorageCaller(request: Request, secrets: Secrets, issuer: Issuer): Promise<Caller> {
  const hasKey = request.headers.has('apikey') || new URL(request.url).searchParams.has('apikey')
  if (!hasKey && !request.headers.has('authorization'))
    throw new StorageError(400, 'InvalidRequest', "headers must have required property 'authorization'", 'Error')
  const keyHolder = hasKey ? await identifyKey(request, secrets, issuer) : { caller: anonymous }
  if (!keyHolder.caller) throw accessDenied('Invalid API key')
  const { caller } = await identifyUser(request, keyHolder.caller, issuer)
  if (!caller) throw accessDenied('Invalid or expired access token')
  return caller
}
