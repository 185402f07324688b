import { createHash, randomUUID } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { createBenchGateway, type BenchAccount, type BenchGateway } from './bench-gateway.ts'
import { atMost, rounded, type Benchmark, type BenchmarkOptions, type BenchmarkOutcome } from './benchmark.ts'

const fileBytes = 100 * 1024 * 1024
const warmUpBytes = 4 * 1024 * 1024
const limitBytes = 50 * 1024 * 1024
const friend = { number: '34620999999', name: 'Bea' }

export const media: Benchmark = {
  name: 'media',
  summary: 'a document of 100 MB from a phone into Storage, and from Storage to a phone: memory of the host, MB/s',
  run,
}

async function run({ scale, log }: BenchmarkOptions): Promise<BenchmarkOutcome> {
  const bytes = Math.max(warmUpBytes, Math.round(fileBytes * scale))
  await using gateway = await createBenchGateway(log)
  await gateway.link(1)
  const [account] = gateway.accounts
  if (!account) throw new Error('no account')
  await gateway.simulator.control.post(`/phones/${account.number}/contacts`, friend)
  log('warm-up')
  await receive(gateway, account, warmUpBytes)
  await send(gateway, account, warmUpBytes)
  log(`${bytes} bytes in`)
  const inbound = await measured(gateway, () => receive(gateway, account, bytes))
  log(`${bytes} bytes out`)
  const outbound = await measured(gateway, () => send(gateway, account, bytes))
  const megabytes = bytes / 1024 / 1024
  return {
    workload: { bytes },
    results: {
      extraMbIn: rounded(inbound.extraBytes / 1024 / 1024),
      extraMbOut: rounded(outbound.extraBytes / 1024 / 1024),
      mbPerSecondIn: rounded(megabytes / inbound.seconds),
      mbPerSecondOut: rounded(megabytes / outbound.seconds),
    },
    baseline: null,
    goals: [
      atMost('in: extra memory ≤ 50 MB', inbound.extraBytes / 1024 / 1024, limitBytes / 1024 / 1024),
      atMost('out: extra memory ≤ 50 MB', outbound.extraBytes / 1024 / 1024, limitBytes / 1024 / 1024),
    ],
  }
}

/** The most memory that the host's process had meanwhile, above what it had before (Linux: proc(5), clear_refs and VmHWM). */
async function measured(
  gateway: BenchGateway,
  work: () => Promise<void>,
): Promise<{ extraBytes: number; seconds: number }> {
  const { rss } = await gateway.inspect()
  const { pid } = gateway.host()
  writeFileSync(`/proc/${pid}/clear_refs`, '5')
  const startedAt = performance.now()
  await work()
  const seconds = (performance.now() - startedAt) / 1_000
  const peak = Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024
  return { extraBytes: Math.max(0, peak - rss), seconds }
}

async function receive({ simulator, watch }: BenchGateway, { number }: BenchAccount, bytes: number): Promise<void> {
  const facts = { to: number, kind: 'document', generate: String(bytes), seed: randomUUID(), mime: 'text/plain' }
  const { id, sha256 } = await simulator.control.post<{ id: string; sha256: string }>(
    `/phones/${friend.number}/media?${new URLSearchParams(facts).toString()}`,
  )
  const [row] = await watch.until<{ media_status: string; media_sha256: string; media_size_bytes: string }>(
    `select media_status, media_sha256, media_size_bytes from public.messages_new where wa_id = $1 and media_status <> 'pending'`,
    [id],
    (rows) => rows.length > 0,
  )
  if (row?.media_status !== 'stored' || row.media_sha256 !== sha256 || Number(row.media_size_bytes) !== bytes)
    throw new Error('the file did not arrive as it was sent')
}

async function send(
  { stack, simulator, watch, host }: BenchGateway,
  account: BenchAccount,
  bytes: number,
): Promise<void> {
  const path = `${account.userId}/uploads/${randomUUID()}/datos.txt`
  const file = Buffer.alloc(bytes, createHash('sha256').update(path).digest())
  const headers = {
    authorization: `Bearer ${account.token}`,
    apikey: stack.publishableKey,
    'content-type': 'text/plain',
  }
  const uploaded = await fetch(`${stack.url}/storage/v1/object/media/${path}`, { method: 'POST', headers, body: file })
  if (!uploaded.ok) throw new Error(`Storage answered ${uploaded.status}`)
  const answer = await fetch(`${host().url}/api/whatsapp/send_message`, {
    method: 'POST',
    headers: { authorization: `Bearer ${account.token}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      conversationId: `${friend.number}@s.whatsapp.net`,
      textContent: '',
      attachments: [{ path }],
    }),
  })
  const { message } = (await answer.json()) as { message?: { id: string; wa_id: string } }
  if (!message) throw new Error(`send_message answered ${answer.status}`)
  const [row] = await watch.until<{ status: string }>(
    `select status from public.messages_new where id = $1 and status <> 'pending'`,
    [message.id],
    (rows) => rows.length > 0,
  )
  if (row?.status === 'failed') throw new Error('the file was not sent')
  const opened = await fetch(`${simulator.url}/phones/${friend.number}/messages/${message.wa_id}/media`)
  const digest = createHash('sha256')
    .update(new Uint8Array(await opened.arrayBuffer()))
    .digest('hex')
  if (digest !== createHash('sha256').update(file).digest('hex')) throw new Error('the phone got another file')
}
