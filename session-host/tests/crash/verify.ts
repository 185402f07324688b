import type { ShownMessage } from '../../simulator/testing/control.ts'
import type { Account, CrashWorld } from './crash-world.ts'

interface Row {
  id: string
  chat: string
  text: string | null
  from_me: boolean
  status: string
  unsupported_type: string | null
}

/** Longest until everything has to be where it belongs, on a busy machine; ms. */
const patienceMs = 60_000
const lookAgainMs = 100

/**
 * Waits until everything that was said to an account is stored and everything submitted has left, and what must hold after any kill
 * holds: nothing lost, nothing twice, in order, nothing undecrypted, the link still there, the consumer's events without gap. Fails
 * with what does not hold in the end.
 */
export async function verify(world: CrashWorld, account: Account): Promise<void> {
  const deadline = performance.now() + patienceMs
  for (;;) {
    const problems = await findProblems(world, account)
    if (problems.length === 0) return
    if (performance.now() > deadline || account.consumer.violations.length > 0)
      throw new Error(`account ${account.number}: ${problems.join('; ')}`)
    await new Promise((resolve) => setTimeout(resolve, lookAgainMs))
  }
}

async function findProblems(world: CrashWorld, account: Account): Promise<string[]> {
  const rows = await world.watch.query<Row>(
    `select m.id, coalesce(i.user_part, c.external_id) as chat, m.text_content as text, m.from_me, m.status, m.unsupported_type
       from public.messages_new m
       join public.conversations_new c on c.id = m.conversation_id
       left join lateral (
         select split_part(i.jid, '@', 1) as user_part from public.contact_identities i
           where i.contact_id = c.contact_id and i.jid like '%@s.whatsapp.net' limit 1) i on true
       where m.session_id = $1 and (m.text_content ~ '^(dicho|enviado) ' or m.unsupported_type is not null)
       order by m.created_at, m.ordinal`,
    [account.sessionId],
  )
  const problems: string[] = []
  const undecrypted = rows.filter((row) => row.unsupported_type !== null).length
  if (undecrypted > 0) problems.push(`${undecrypted} messages are not decrypted`)
  const texts = rows.filter((row) => row.unsupported_type === null).map(({ text }) => text)
  const twice = texts.filter((text, at) => texts.indexOf(text) !== at)
  if (twice.length > 0) problems.push(`stored twice: ${twice.join(', ')}`)
  const stored = new Set(texts)
  const lost = [...account.said, ...account.submitted].filter(({ text }) => !stored.has(text))
  if (lost.length > 0) problems.push(`not stored: ${lost.map(({ text }) => text).join(', ')}`)
  problems.push(
    ...compare('rows', account, rows),
    ...['pending', 'failed'].flatMap((status) => {
      const found = rows.filter((row) => row.status === status).map(({ text }) => text)
      return found.length > 0 ? [`${status}: ${found.join(', ')}`] : []
    }),
  )
  // What follows asks other processes.
  if (problems.length > 0) return problems
  const [state] = await world.watch.query<{ waiting: number; open: number; last_seq: number }>(
    `select (select count(*)::int from private.inbox where session_id = $1 and projected_at is null) as waiting,
         (select count(*)::int from private.session_commands where session_id = $1 and status in ('queued', 'claimed')) as open,
         (select last_seq::int from private.session_streams where session_id = $1) as last_seq`,
    [account.sessionId],
  )
  if (state?.waiting) problems.push(`${state.waiting} messages wait in the inbox`)
  if (state?.open) problems.push(`${state.open} commands are open`)
  const { consumer } = account
  if (consumer.cursor() < (state?.last_seq ?? 0)) problems.push(`the consumer is at ${consumer.cursor()}`)
  const byId = new Map(rows.map((row) => [row.id, row]))
  problems.push(
    ...consumer.violations,
    ...compare(
      'events',
      account,
      consumer.created().flatMap((id) => byId.get(id) ?? []),
    ),
    ...(await phonesShow(world, account)),
  )
  const { devices } = await world.simulator.control.get<{ devices: object[] }>(`/phones/${account.number}`)
  if (devices.length !== 1) problems.push(`the phone has ${devices.length} linked devices`)
  return problems
}

/** What was said in each chat, in the order in which it was. */
function compare(what: string, account: Account, rows: Row[]): string[] {
  return [...new Set(account.said.map(({ chat }) => chat))].flatMap((chat) => {
    const said = account.said.filter((each) => each.chat === chat).map(({ text }) => text)
    const found = rows.filter((row) => row.chat === chat && row.text?.startsWith('dicho')).map(({ text }) => text)
    const at = said.findIndex((text, n) => found[n] !== text)
    if (at < 0 && said.length === found.length) return []
    return [`${what} of ${chat}: ${found.slice(at).join()} instead of ${said.slice(at).join()}`]
  })
}

/** What was submitted is shown once on the contact's phone, and in order. */
async function phonesShow(world: CrashWorld, account: Account): Promise<string[]> {
  const problems: string[] = []
  for (const contact of new Set(account.submitted.map((each) => each.contact))) {
    const submitted = account.submitted.filter((each) => each.contact === contact).map(({ text }) => text)
    const { messages } = await world.simulator.control.get<{ messages: ShownMessage[] }>(
      `/phones/${contact}/messages?with=${account.number}`,
    )
    const shown = messages.map(({ text }) => text).filter((text) => text.startsWith('enviado'))
    if (shown.join() !== submitted.join())
      problems.push(`phone ${contact} shows ${shown.join()} instead of ${submitted.join()}`)
  }
  return problems
}
