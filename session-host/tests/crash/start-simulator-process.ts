import { startProcess } from '../../dev/start-process.ts'
import { createControl, type Control } from '../../simulator/testing/control.ts'

export interface SimulatorProcess extends AsyncDisposable {
  url: string
  control: Control
  /** What a host needs to know to connect to it. */
  environment: Record<string, string>
}

/** The simulator in a process of its own, which dies with this one. */
export async function startSimulatorProcess(args: string[] = []): Promise<SimulatorProcess> {
  const started = await startProcess('session-host/simulator/main.ts', args, {}, (line) => line === 'ready')
  const values = Object.fromEntries(
    started.lines.flatMap((line) => {
      const at = line.indexOf('=')
      return at > 0 ? [[line.slice(0, at), line.slice(at + 1)] as [string, string]] : []
    }),
  )
  const { SIMULATOR_URL: url = '', ...environment } = values
  return { url, control: createControl(url), environment, [Symbol.asyncDispose]: () => started[Symbol.asyncDispose]() }
}
