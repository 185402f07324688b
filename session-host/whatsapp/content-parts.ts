/** A text that is no longer than a column or schema takes, and ends with a whole character. */
export function clip(text: string, length: number): string {
  const cut = text.slice(0, length)
  return /[\ud800-\udbff]$/.test(cut) ? cut.slice(0, -1) : cut
}

/** An object with one member, or with none when there is no text. */
export function present<K extends string>(
  name: K,
  text: string | null | undefined,
  length: number,
): { [name in K]?: string } {
  return text ? ({ [name]: clip(text, length) } as { [name in K]?: string }) : {}
}

/** A number of WhatsApp in its own unit: a number, or a 64-bit object of protobufjs. Undefined when there is none. */
export function numberOf(value: number | { toString(): string } | null | undefined): number | undefined {
  if (value === null || value === undefined) return undefined
  const number = Number(value.toString())
  return Number.isFinite(number) ? number : undefined
}

/** Epoch seconds as ISO 8601; undefined when there are none, or they are no time. */
export function isoTime(seconds: number | { toString(): string } | null | undefined): string | undefined {
  const at = new Date((numberOf(seconds) ?? 0) * 1000)
  return at.getTime() > 0 ? at.toISOString() : undefined
}
