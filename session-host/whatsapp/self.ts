/** The linked account's own JIDs, in the form of normalizeJid. */
export interface Self {
  phone: string
  lid: string | null
}
