/** libsignal ships no types; this is the one function that we call ourselves. */
declare module 'libsignal/src/curve.js' {
  /** True when the XEdDSA signature is the key's over the message. */
  export function verifySignature(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean
}
