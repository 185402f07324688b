/** Who a request speaks for, after the gateway has verified its keys and its token. */
export interface Caller {
  /** The database role. */
  role: string
  /** The claims of the user's token; for a bare API key those of the token that the platform makes of it. */
  claims: Record<string, unknown>
  /** Whether the `apikey` was the secret one. */
  secret: boolean
}
