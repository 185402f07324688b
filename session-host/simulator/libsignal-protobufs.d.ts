/** libsignal ships no types for its message formats. */
declare module 'libsignal/src/protobufs.js' {
  export const PreKeyWhisperMessage: {
    decode(bytes: Uint8Array): { identityKey?: Uint8Array; preKeyId?: number; registrationId?: number }
  }
  export const WhisperMessage: {
    encode(message: { ephemeralKey: Uint8Array; counter: number; previousCounter: number; ciphertext: Uint8Array }): {
      finish(): Uint8Array
    }
  }
}
