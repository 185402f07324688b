import { enableCompileCache } from 'node:module'
import { join } from 'node:path'
import process from 'node:process'
import { pino } from 'pino'
import { ConfigError, readConfig, type Config } from './config.ts'
import { developmentKey } from './development-key.ts'
import { useThriftyMemory } from './thrifty-memory.ts'

/** EX_CONFIG of sysexits.h: the environment is wrong, a restart won't help. */
const exitConfig = 78

const config = configOrExit()
useThriftyMemory()
// What was compiled once need not be compiled at each restart: a third of the time until it serves. Where nothing can be written it does
// without. It holds for what is imported from here on.
enableCompileCache(join(import.meta.dirname, '..', 'node_modules', '.cache', 'compile'))
const { createHost, MissingKeys, silenceLibsignal } = await import('./host.ts')
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
