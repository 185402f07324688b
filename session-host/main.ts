import { enableCompileCache } from 'node:module'
import { join } from 'node:path'
import process from 'node:process'
import type { Config } from './config.ts'
import { useThriftyMemory } from './thrifty-memory.ts'

/** EX_CONFIG of sysexits.h: the environment is wrong, a restart won't help. */
const exitConfig = 78

// Before anything is loaded that would have to be loaded again.
useThriftyMemory()
// What was compiled once need not be compiled at each restart: a third of the time until it serves. Where nothing can be written it does
// without. It holds for what is imported from here on.
enableCompileCache(join(import.meta.dirname, '..', 'node_modules', '.cache', 'compile'))
const { ConfigError, readConfig } = await import('./config.ts')
const config = configOrExit()
const { createHost, MissingKeys, silenceLibsignal } = await import('./host.ts')
const { developmentKey } = await import('./development-key.ts')
const { pino } = await import('pino')
silenceLibsignal()
const logger = pino({
  level: config.logLevel,
  base: { service: 'session-host' },
  // Belt and braces: nothing of ours logs these, and a slip must not leak them.
  redact: {
    paths: ['*.token', '*.text', '*.phone', '*.qr', '*.jid', '*.authorization', 'token', 'text', 'phone', 'qr', 'jid'],
    censor: '[redacted]',
  },
})

const host = await createHost({
  config,
  authStateKeys: config.authStateKeys ?? [developmentKey()],
  logger,
  ...(config.production ? {} : { hostname: '127.0.0.1' }),
}).catch((error: unknown) => {
  process.stderr.write(`The session-host could not start: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(error instanceof MissingKeys ? exitConfig : 1)
})
process.stdout.write(`session-host ${host.url}\n`)

// Baileys rejects promises that nobody holds when a frame can't be read. One account's broken frame must not end everybody's connection.
process.on('unhandledRejection', (error) => {
  logger.error({ error: error instanceof Error ? error.name : 'unknown' }, 'a rejection that nobody handled')
})

let stopping = false
// PM2 sends SIGINT whatever its settings say.
for (const signal of ['SIGTERM', 'SIGINT'] as const)
  process.on(signal, () => {
    if (stopping) process.exit(130)
    stopping = true
    logger.info({ signal }, 'stopping: sessions are handed over')
    host[Symbol.asyncDispose]().then(
      () => process.exit(0),
      () => process.exit(1),
    )
  })

function configOrExit(): Config {
  try {
    return readConfig(process.env)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    process.stderr.write(
      `The environment is not valid, so nothing was started:\n${error.problems.map((problem) => `  ${problem}\n`).join('')}`,
    )
    process.exit(exitConfig)
  }
}
