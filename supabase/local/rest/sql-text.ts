/** Collects the parameters of one statement. */
export class Parameters {
  readonly values: unknown[] = []

  /** Adds a value and returns its placeholder. */
  bind(value: unknown): string {
    this.values.push(value)
    return `$${this.values.length}`
  }
}

/** A quoted SQL name. */
export function name(text: string): string {
  return `"${text.replaceAll('"', '""')}"`
}

/** A quoted SQL string. */
export function literal(text: string): string {
  const quoted = `'${text.replaceAll("'", "''")}'`
  return text.includes('\\') ? `E${quoted.replaceAll('\\', '\\\\')}` : quoted
}
