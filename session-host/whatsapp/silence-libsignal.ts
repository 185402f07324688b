const methods = ['log', 'info', 'warn', 'error', 'debug', 'trace'] as const

/**
 * Keeps libsignal quiet: it prints whole sessions, private keys included, through console (session_record.js:270, session_builder.js:74,
 * session_cipher.js:157). Calls that come from its files are dropped, everybody else's pass. Returns a function that undoes it.
 */
export function silenceLibsignal(): () => void {
  const originals = methods.map((method) => [method, console[method]] as const)
  for (const [method, original] of originals)
    console[method] = (...values: unknown[]) => {
      if (!new Error().stack?.includes('/libsignal/')) original.apply(console, values)
    }
  return () => {
    for (const [method, original] of originals) console[method] = original
  }
}
