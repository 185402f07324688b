import { useEffect } from 'react'

/** Holds the QR in front of the simulated phone's camera while it is on screen. A simulator that is away is no trouble of ours. */
export function useCamera(simulatorUrl: string | null, qr: string | null): void {
  useEffect(() => {
    if (simulatorUrl === null || qr === null) return
    const stop = new AbortController()
    void put(simulatorUrl, qr, stop.signal)
    return () => stop.abort()
  }, [simulatorUrl, qr])
  const shown = qr !== null
  useEffect(() => {
    if (simulatorUrl === null || !shown) return
    return () => void fetch(`${simulatorUrl}/camera`, { method: 'DELETE', keepalive: true }).catch(() => undefined)
  }, [simulatorUrl, shown])
}

async function put(simulatorUrl: string, image: string, signal: AbortSignal): Promise<void> {
  const request = {
    method: 'PUT',
    body: JSON.stringify({ image }),
    headers: { 'content-type': 'application/json' },
    signal,
  }
  await fetch(`${simulatorUrl}/camera`, request).catch(() => undefined)
}
