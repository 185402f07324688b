import type { Socket } from 'socket.io'
import { innerSocket } from './inner-socket.ts'

/** How long a live client may take to answer a ping, in ms. */
const patienceMs = 3_000

/** Whether somebody is at the other end of a connection: a ping is answered in time. */
export function probeConnection({ conn }: Pick<Socket, 'conn'>): Promise<boolean> {
  const inner = innerSocket(conn)
  if (!inner) return Promise.resolve(false)
  return new Promise((resolve) => {
    function settle(alive: boolean): void {
      clearTimeout(timer)
      inner?.off('pong', onPong)
      inner?.off('close', onClose)
      resolve(alive)
    }
    const onPong = (): void => settle(true)
    const onClose = (): void => settle(false)
    const timer = setTimeout(onClose, patienceMs)
    inner.once('pong', onPong)
    inner.once('close', onClose)
    inner.ping()
  })
}
