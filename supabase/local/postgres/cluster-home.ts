import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { chooseServerAccount, giveTo, type ServerAccount } from './server-account.ts'
import { postmasterPid } from './surviving-postmaster.ts'

/** Where clusters go whose data folder the server's account can't get to. */
const elsewhere = existsSync('/var/lib') ? '/var/lib' : '/tmp'
const prefix = 'embedded-supabase-'
/** Names the link that leads to a folder elsewhere; the folder is garbage once the link is gone. */
const owner = 'belongs-to'

/**
 * The folder of the cluster, made at first use: `postgres` in the data folder. Where the server's account can't get there
 * (a checkout under /root), `postgres` is a link to a folder in /var/lib.
 */
export function clusterHome(folder: string): { home: string; account: ServerAccount } {
  const place = join(folder, 'postgres')
  const account = chooseServerAccount(join(place, 'cluster'))
  if (existsSync(place)) {
    const home = realpathSync(place)
    if (!account.canUse(home)) throw new Error(`The data in ${home} belongs to another user. Give another folder.`)
    return { home, account }
  }
  rmSync(place, { force: true }) // a link to a folder that is gone
  mkdirSync(place)
  giveTo(account, place)
  if (account.canUse(place)) return { home: realpathSync(place), account }

  rmdirSync(place)
  removeAbandoned()
  const home = mkdtempSync(join(elsewhere, prefix))
  writeFileSync(join(home, owner), place)
  chmodSync(home, 0o755)
  giveTo(account, home)
  symlinkSync(home, place)
  return { home, account }
}

/** Removes the folders elsewhere whose data folder was deleted. */
function removeAbandoned(): void {
  for (const entry of readdirSync(elsewhere)) {
    const home = join(elsewhere, entry)
    if (!entry.startsWith(prefix) || !existsSync(join(home, owner))) continue
    const place = readFileSync(join(home, owner), 'utf8')
    if (linkTarget(place) !== home && postmasterPid(join(home, 'cluster')) === undefined) {
      rmSync(home, { recursive: true, force: true })
    }
  }
}

function linkTarget(place: string): string | undefined {
  try {
    return readlinkSync(place)
  } catch {
    return undefined
  }
}
