import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium, type Browser } from 'playwright-core'

const installed = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'].map(
  (name) => `/usr/bin/${name}`,
)

/** What a headless browser in a test needs, and nothing that talks to anybody. */
const args = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** A real Chromium; closing it removes its files. */
export interface TestBrowser extends AsyncDisposable {
  browser: Browser
}

/**
 * Launches the installed Chromium or Chrome, else the one that comes with npm. The latter unpacks itself to `$TMPDIR/chromium` and
 * would reuse whatever lies there, so it gets a folder of its own.
 */
export async function launchBrowser(): Promise<TestBrowser> {
  const path = installed.find((candidate) => existsSync(candidate))
  const folder = await mkdtemp(join(tmpdir(), 'browser-'))
  try {
    const browser = await chromium.launch({
      executablePath: path ?? (await unpack(folder)),
      args,
      env: { ...process.env, TMPDIR: folder },
    })
    return {
      browser,
      [Symbol.asyncDispose]: async () => {
        await browser.close()
        await remove(folder)
      },
    }
  } catch (error) {
    await remove(folder)
    throw error
  }
}

async function unpack(folder: string): Promise<string> {
  const before = process.env['TMPDIR']
  process.env['TMPDIR'] = folder
  try {
    const { default: packaged } = await import('@sparticuz/chromium')
    return await packaged.executablePath()
  } finally {
    if (before === undefined) delete process.env['TMPDIR']
    else process.env['TMPDIR'] = before
  }
}

async function remove(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
}
