import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'
import type { Part } from '../create-gateway.ts'
import { type GuardedProcess, startGuarded } from '../guarded-process.ts'

export interface FunctionHostOptions {
  /** Each folder in it that holds an `index.ts` is a function of that name. */
  folder: string
  /** Deno's caches; kept between starts. */
  cacheFolder: string
  environment: Record<string, string>
  /** Takes each line that a function writes to its console. */
  log: (line: string) => void
}

export interface FunctionHost extends Part, AsyncDisposable {
  /** Starts every function now instead of at its first request; resolves when all of them serve or have failed. */
  warm(): Promise<void>
}

interface Running {
  guard: GuardedProcess
  port: number
}

/** Starts of one function within `restartWindow` ms, before it is left alone until the window has passed. */
const restartLimit = 5
const restartWindow = 60_000

/**
 * `/functions/v1/<name>/…`: each function in a real Deno process of its own (`export default { fetch }`, as Supabase runs it,
 * without JWT check at the gateway). It may reach loopback, read files and its environment, and nothing else. It starts at
 * its first request, starts again after a crash, and dies with this process.
 */
export function createFunctionHost(options: FunctionHostOptions): FunctionHost {
  const running = new Map<string, Promise<Running>>()
  const current = new Map<string, Running>()
  const guards = new Set<GuardedProcess>()
  const starts = new Map<string, number[]>()

  return {
    ownCors: true,
    async fetch(request, path) {
      const functionName = path.split('/')[0] ?? ''
      if (!isFunction(functionName)) {
        return Response.json(
          { code: 'NOT_FOUND', message: 'Requested function was not found' },
          { status: 404, headers: cors },
        )
      }
      let target: Running
      try {
        target = await use(functionName)
      } catch (error) {
        options.log(`${functionName}: ${(error as Error).message}`)
        return Response.json(
          { code: 'BOOT_ERROR', message: 'Function failed to start (please check logs)' },
          { status: 503, headers: cors },
        )
      }
      try {
        return await forward(request, path, target.port)
      } catch (error) {
        // A connection that breaks means that the process is ending, even if its end was not reported yet.
        if (!request.signal.aborted) retire(functionName, target)
        options.log(`${functionName}: ${describe(error)}`)
        return Response.json(
          { code: 'WORKER_ERROR', message: 'Function exited due to an error (please check logs)' },
          { status: 502, headers: cors },
        )
      }
    },
    async warm() {
      const names = existsSync(options.folder) ? readdirSync(options.folder).filter(isFunction) : []
      await Promise.all(
        names.map((functionName) =>
          use(functionName).catch((error: unknown) => options.log(`${functionName}: ${(error as Error).message}`)),
        ),
      )
    },
    async [Symbol.asyncDispose]() {
      await Promise.allSettled(running.values())
      running.clear()
      await Promise.all([...guards].map((guard) => guard[Symbol.asyncDispose]()))
    },
  }

  /** Takes a process out of use; the next request starts another. */
  function retire(functionName: string, target: Running): void {
    if (current.get(functionName) !== target) return
    running.delete(functionName)
    void target.guard[Symbol.asyncDispose]()
  }

  function isFunction(functionName: string): boolean {
    return /^[a-z][a-z0-9_-]*$/i.test(functionName) && existsSync(join(options.folder, functionName, 'index.ts'))
  }

  function use(functionName: string): Promise<Running> {
    const existing = running.get(functionName)
    if (existing) return existing
    const starting = start(functionName)
    running.set(functionName, starting)
    const forget = (): void => {
      if (running.get(functionName) === starting) running.delete(functionName)
    }
    starting.then((started) => {
      current.set(functionName, started)
      return started.guard.exited.then(forget)
    }, forget)
    return starting
  }

  async function start(functionName: string): Promise<Running> {
    const recent = (starts.get(functionName) ?? []).filter((at) => at > Date.now() - restartWindow)
    if (recent.length >= restartLimit)
      throw new Error(`ended ${recent.length} times within a minute; it starts again when that minute has passed`)
    starts.set(functionName, [...recent, Date.now()])
    mkdirSync(options.cacheFolder, { recursive: true })
    const entry = join(options.folder, functionName, 'index.ts')
    const config = join(options.folder, functionName, 'deno.json')
    const guard = startGuarded(
      {
        command: denoProgram(),
        args: [
          'run',
          '--quiet',
          '--no-prompt',
          '--cached-only',
          '--no-lock',
          '--node-modules-dir=manual',
          ...(existsSync(config) ? [`--config=${config}`] : []),
          '--allow-net=127.0.0.1,localhost',
          '--allow-env',
          '--allow-read',
          join(import.meta.dirname, 'serve.ts'),
          pathToFileURL(entry).href,
        ],
        cwd: dirname(entry),
        stop: [
          { signal: 'SIGTERM', afterMs: 0 },
          { signal: 'SIGKILL', afterMs: 2_000 },
        ],
        removeWhenStopped: [],
      },
      {
        PATH: process.env['PATH'] ?? '/usr/bin:/bin',
        HOME: options.cacheFolder,
        DENO_DIR: options.cacheFolder,
        DENO_NO_UPDATE_CHECK: '1',
        NO_COLOR: '1',
        ...options.environment,
      },
    )
    guards.add(guard)
    void guard.exited.then(() => guards.delete(guard))
    createInterface({ input: guard.stderr }).on('line', options.log)
    const lines = createInterface({ input: guard.stdout })
    const port = await new Promise<number>((resolve, reject) => {
      lines.on('line', (line) => {
        const announced = /^serving on port (\d+)$/.exec(line)?.[1]
        if (announced === undefined) options.log(line)
        else resolve(Number(announced))
      })
      void guard.exited.then((code) => reject(new Error(`the function ended with exit code ${code} before it served`)))
    })
    return { guard, port }
  }
}

/** A network error without what was sent: undici keeps the reason in `cause`. */
function describe(error: unknown): string {
  const { message, cause } = error as Error & { cause?: { code?: string } }
  return cause?.code === undefined ? message : `${message} (${cause.code})`
}

const cors = { 'access-control-allow-origin': '*' }

async function forward(request: Request, path: string, port: number): Promise<Response> {
  const url = new URL(request.url)
  const headers = new Headers(request.headers)
  for (const name of ['connection', 'host', 'keep-alive', 'transfer-encoding', 'content-length', 'expect', 'upgrade'])
    headers.delete(name)
  headers.set('x-forwarded-host', url.host)
  headers.set('x-forwarded-proto', url.protocol.slice(0, -1))
  headers.set('accept-encoding', 'identity')
  const response = await fetch(`http://127.0.0.1:${port}/${path}${url.search}`, {
    method: request.method,
    headers,
    body: request.body,
    redirect: 'manual',
    signal: request.signal,
    ...(request.body === null ? {} : { duplex: 'half' }),
  })
  return new Response(response.body, { status: response.status, headers: response.headers })
}

/** The Deno program inside the npm package, without the package's JavaScript wrapper. */
function denoProgram(): string {
  const fromPackage = createRequire(createRequire(import.meta.url).resolve('deno/package.json'))
  const libc = process.platform === 'linux' ? '-glibc' : ''
  return join(dirname(fromPackage.resolve(`@deno/${process.platform}-${process.arch}${libc}/package.json`)), 'deno')
}
