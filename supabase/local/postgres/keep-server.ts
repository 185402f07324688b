import process from 'node:process'
import type { GuardedProcess } from '../guarded-process.ts'

/** A server process that can be ended and started again without the data going. */
export interface KeptServer extends AsyncDisposable {
  /** Resolves when the server process ends, whoever ended it; not when `stop` did. */
  exited: Promise<number>
  /**
   * Ends the server process, as an operator does who stops it (`fast`: what runs is rolled back, connections end) or as a crash does
   * (`immediate`: nothing is written, the next start recovers from the log). Resolves when it has ended. For tests.
   */
  stop(how: 'fast' | 'immediate'): Promise<void>
  /** Starts the server again, on its port and with its data. Resolves when it takes connections. */
  start(): Promise<void>
}

/** Signals of the postmaster: postgresql.org/docs/17/server-shutdown.html */
const signals = { fast: 'SIGINT', immediate: 'SIGQUIT' } as const

/** @see KeptServer. `launch` starts the process that takes the place of one that was ended. */
export function keepServer(first: GuardedProcess, launch: () => Promise<GuardedProcess>): KeptServer {
  const { promise: exited, resolve } = Promise.withResolvers<number>()
  let server: GuardedProcess | undefined
  follow(first)

  function follow(next: GuardedProcess): void {
    server = next
    void next.exited.then((code) => {
      if (server === next) resolve(code)
    })
  }

  return {
    exited,
    async stop(how) {
      const stopping = server
      if (!stopping) return
      server = undefined
      // Not its guard, which would remove what is temporary.
      process.kill(stopping.commandPid(), signals[how])
      await stopping.exited
    },
    async start() {
      if (!server) follow(await launch())
    },
    async [Symbol.asyncDispose]() {
      await server?.[Symbol.asyncDispose]()
    },
  }
}
