import { createHmac } from 'node:crypto'
import { errors, jwtVerify, SignJWT } from 'jose'
import { z } from 'zod'
import type { Place } from './object-key.ts'
import { StorageError } from './storage-error.ts'

/** Makes and checks the tokens of signed URLs. A token is for one object and one purpose, until it expires. */
export interface Signer {
  signDownload(place: Place, seconds: number): Promise<string>
  /** Throws `InvalidSignature` or `InvalidJWT` unless the token allows to download the object now. */
  verifyDownload(token: string | null, place: Place): Promise<void>
  signUpload(place: Place, rights: UploadRights): Promise<string>
  /** Throws as `verifyDownload`. */
  verifyUpload(token: string | null, place: Place): Promise<UploadRights>
}

export interface UploadRights {
  /** The user who will own the object. */
  owner: string | undefined
  upsert: boolean
}

/** How long a signed upload URL may be used, in seconds; the platform's. */
const uploadLifetime = 2 * 60 * 60

const Payload = z.object({ url: z.string(), owner: z.string().optional(), upsert: z.boolean().default(false) })

/** The key is made from `secret`, so that signed URLs outlive a restart. */
export function createSigner(secret: string): Signer {
  const key = createHmac('sha256', secret).update('signed URLs of the embedded Storage').digest()
  const sign = (audience: string, payload: z.input<typeof Payload>, seconds: number): Promise<string> =>
    new SignJWT(payload)
      .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
      .setAudience(audience)
      .setIssuedAt()
      .setExpirationTime(Math.floor(Date.now() / 1000) + seconds)
      .sign(key)

  return {
    signDownload: (place, seconds) => sign('download', { url: urlOf(place) }, seconds),
    async verifyDownload(token, place) {
      await verify(token, 'download', place)
    },
    signUpload: (place, { owner, upsert }) =>
      sign('upload', { url: urlOf(place), upsert, ...(owner === undefined ? {} : { owner }) }, uploadLifetime),
    async verifyUpload(token, place) {
      const { owner, upsert } = await verify(token, 'upload', place)
      return { owner, upsert }
    },
  }

  async function verify(token: string | null, audience: string, place: Place): Promise<z.output<typeof Payload>> {
    if (token === null || token === '')
      throw new StorageError(400, 'InvalidSignature', "querystring must have required property 'token'")
    let payload: z.output<typeof Payload>
    try {
      const verified = await jwtVerify(token, key, { audience, algorithms: ['HS256'], requiredClaims: ['exp'] })
      payload = Payload.parse(verified.payload)
    } catch (error) {
      const sentence = error instanceof errors.JWTExpired ? error.message : 'The token of this URL is not valid.'
      throw new StorageError(400, 'InvalidJWT', sentence)
    }
    if (payload.url !== urlOf(place))
      throw new StorageError(400, 'InvalidSignature', 'The signature is of another object.')
    return payload
  }
}

const urlOf = ({ bucket, key }: Place): string => `${bucket}/${key}`
