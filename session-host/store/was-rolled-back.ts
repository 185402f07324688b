/**
 * Whether an error says for certain that its statement has changed nothing: it is the database's own refusal. False where the answer may
 * have been lost on its way (SQLSTATE classes 08 and 57, Node's own codes, no code at all; XX, which poolers say of a server they lost): what was asked for may have been committed.
 * A statement that the database gave up for its time (57014) has changed nothing.
 */
export function wasRolledBack(error: unknown): boolean {
  const { code } = (error ?? {}) as { code?: unknown }
  return typeof code === 'string' && /^(57014|(?!08|57|XX|E)[0-9A-Z]{5})$/.test(code)
}
