import process from 'node:process'

/**
 * The host makes many short-lived buffers, and the defaults keep room for the most that ever lived at once: V8 young generations of three
 * times 32 MB, glibc freed memory of up to eight arenas a core. With these the same traffic takes half the resident memory, and it stays
 * level (`npm run test:soak`).
 */
const flag = '--max-semi-space-size'
const megabytes = 8
/** mallopt(3); other C libraries ignore them. */
const allocator = { MALLOC_ARENA_MAX: '2', MALLOC_TRIM_THRESHOLD_: '131072', MALLOC_MMAP_THRESHOLD_: '131072' }

/**
 * Replaces the program by itself with these settings, in the same process: they only count from its first moment on. What the operator has
 * set is left as it is. Returns without having done anything where all is set, on Windows, and beside a parent that talks to the process
 * (fork, PM2's cluster mode, `node --watch`), whose channel would be lost.
 */
export function useThriftyMemory(): void {
  const { env, execArgv, execPath, argv } = process
  if (!process.execve || process.connected) return
  const settings = Object.fromEntries(Object.entries(allocator).filter(([name]) => env[name] === undefined))
  const isSized = [...execArgv, env['NODE_OPTIONS'] ?? ''].some((each) => each.includes(flag))
  if (isSized && Object.keys(settings).length === 0) return
  const flags = isSized ? execArgv : [...execArgv, `${flag}=${megabytes}`]
  try {
    process.execve(execPath, [execPath, ...flags, ...argv.slice(1)], { ...env, ...settings })
  } catch {
    // Not on this platform: it works without, too.
  }
}
