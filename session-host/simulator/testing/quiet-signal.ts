/** libsignal prints sessions with their keys through console; a test's output is no place for them. Run for its effect. */
for (const method of ['log', 'info', 'warn', 'error'] as const) console[method] = () => undefined
