/** What this room logs through; pino fits. Facts carry ids and codes only. */
export interface Logger {
  info(facts: object, message: string): void
  warn(facts: object, message: string): void
  error(facts: object, message: string): void
}
