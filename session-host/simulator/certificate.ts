import { proto } from '@whiskeysockets/baileys/WAProto/index.js'
import { sign, type KeyPair } from './key-pair.ts'

/**
 * The Noise certificate chain as WhatsApp's server sends it in its hello: root → intermediate → leaf, where the leaf's key is the server's
 * static key. The root itself is not sent; clients have its key built in (for the simulator: `WHATSAPP_ROOT_CERT_KEY`).
 * Shape: WAProto `CertChain`; the checks a client makes: Baileys `Utils/noise-handler.js`.
 * @returns the encoded `CertChain`
 */
export function certificateChain(
  keys: { root: KeyPair; intermediate: KeyPair; leaf: KeyPair },
  now: number,
): Uint8Array {
  const notBefore = Math.floor(now / 1000) - DAY
  const intermediate = details({
    serial: 1,
    issuerSerial: ROOT_SERIAL,
    key: keys.intermediate.public,
    notBefore,
    notAfter: notBefore + 3650 * DAY,
  })
  const leaf = details({
    serial: 2,
    issuerSerial: 1,
    key: keys.leaf.public,
    notBefore,
    notAfter: notBefore + 365 * DAY,
  })
  return proto.CertChain.encode({
    intermediate: { details: intermediate, signature: sign(keys.root.private, intermediate) },
    leaf: { details: leaf, signature: sign(keys.intermediate.private, leaf) },
  }).finish()
}

/** The serial number that clients demand as the intermediate's issuer. */
const ROOT_SERIAL = 0
const DAY = 86_400

function details(fields: proto.CertChain.NoiseCertificate.IDetails): Uint8Array {
  return proto.CertChain.NoiseCertificate.Details.encode(fields).finish()
}
