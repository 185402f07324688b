import type pg from 'pg'
import { connectAs, createBenchStack, type BenchStack } from './bench-stack.ts'
import {
  atMost,
  distributionOf,
  rounded,
  type Benchmark,
  type BenchmarkOptions,
  type BenchmarkOutcome,
  type Distribution,
  type Goal,
} from './benchmark.ts'
import { loadLists, type LoadedLists } from './lists-data.ts'

export const lists: Benchmark = {
  name: 'lists',
  summary:
    'pages of conversations and messages, and search, in 20,000 conversations with 2,000,000 messages of which one user owns half',
  run,
}

const conversations = 20_000
const messages = 2_000_000
/** Words that are in many messages, see lists-data.ts. */
const frequent = ['mensaje', 'veterano']
/** Calls that each figure is made of. */
const calls = 400

async function run({ scale, log }: BenchmarkOptions): Promise<BenchmarkOutcome> {
  await using bench = await createBenchStack()
  const size = (share: number): { conversations: number; messages: number } => ({
    conversations: Math.round(conversations * scale * share),
    messages: Math.round(messages * scale * share),
  })
  log(`loading ${size(0.1).messages} messages`)
  const tenth = await measure(bench, await loadLists(bench.loader, null, size(0.1)))
  log(`loading up to ${size(1).messages} messages`)
  const data = await loadLists(bench.loader, tenth.data, size(1))
  log('reading')
  const whole = await measure(bench, data)
  const pages = Object.keys(whole.pages) as Page[]
  return {
    workload: { ...size(1), calls, shareOfLargestUser: 0.5, settings: bench.settings },
    results: { ...whole.pages, ...whole.searches },
    baseline: { what: 'a tenth of the data', ...tenth.pages, ...tenth.searches },
    goals: [
      ...pages.map((page) => atMost(`${names[page]}: p99 in ms ≤ 10`, whole.pages[page].p99, 10)),
      ...pages.map((page) => growth(names[page], tenth.pages[page], whole.pages[page])),
      atMost('search, terms with up to 1,000 hits: p99 in ms ≤ 50', whole.searches.rareTerms.p99, 50),
      atMost('search, a term in half of the messages: p99 in ms ≤ 200', whole.searches.commonTerm.p99, 200),
      atMost('search, a term with over 50,000 hits, none recent: p99 in ms ≤ 200', whole.searches.oldTerm.p99, 200),
    ],
  }
}

type Page = 'firstConversations' | 'conversations180' | 'firstMessages' | 'deepMessages'
const names: Record<Page, string> = {
  firstConversations: 'first page of conversations',
  conversations180: 'page 180 of conversations',
  firstMessages: 'first page of messages',
  deepMessages: 'deep page of messages',
}

interface Measured {
  data: LoadedLists
  pages: Record<Page, Distribution>
  searches: Record<'rareTerms' | 'commonTerm' | 'oldTerm' | 'nothing', Distribution>
}

/** Growth by at most a fifth, or by half a millisecond. The value is the ratio of the medians; p99 holds the noise of the machine. */
function growth(name: string, tenth: Distribution, whole: Distribution): Goal {
  const ratio = whole.median / tenth.median
  return {
    goal: `${name}: growth of the median from a tenth of the data ≤ 1.2× or ≤ 0.5 ms`,
    value: rounded(ratio),
    met: ratio <= 1.2 || whole.median - tenth.median <= 0.5,
  }
}

async function measure(bench: BenchStack, data: LoadedLists): Promise<Measured> {
  await using user = await connectAs(bench.stack, data.userId)
  const pick = <T>(list: T[], n: number): T => {
    const item = list[n % list.length]
    if (item === undefined) throw new Error('nothing to read')
    return item
  }
  const time = (
    text: string,
    valuesOf: (n: number) => unknown[],
    count = calls,
    findsNothing = false,
  ): Promise<Distribution> => timeInDatabase(user.client, text, valuesOf, { count, findsNothing })
  const rare = data.needles.filter(({ hits, term }) => hits <= 1_000 && !frequent.includes(term))
  const search = 'select * from public.search_messages($1)'
  return {
    data,
    pages: {
      firstConversations: await time('select * from public.list_conversations(50)', () => []),
      conversations180: await time('select * from public.list_conversations(50, $1, $2)', (n) =>
        pick(data.deepConversations, n),
      ),
      firstMessages: await time('select * from public.list_messages($1, 50)', (n) => [
        pick(data.conversationIds, n * 7),
      ]),
      deepMessages: await time('select * from public.list_messages($1, 50, $2, $3)', (n) => [
        data.largestConversation,
        ...pick(data.deepMessages, n),
      ]),
    },
    searches: {
      rareTerms: await time(search, (n) => [pick(rare, n).term]),
      commonTerm: await time(search, () => ['mensaje'], calls / 4),
      // As a whole word and while it is being typed, alone and with a word that is in half of all messages.
      oldTerm: await time(
        search,
        (n) => [pick(['veterano', 'vetera', 'mensaje veterano', 'veterano mensaje'], n)],
        calls / 4,
      ),
      // What the index can do least about: it reads both terms' messages to the end. A figure, without a goal of its own.
      nothing: await time(search, () => ['hola mensaje'], calls / 4, true),
    },
  }
}

/** ms that the database took for planning, execution and making the answer's text: what a caller waits for but the network. */
async function timeInDatabase(
  client: pg.Client,
  text: string,
  valuesOf: (n: number) => unknown[],
  { count, findsNothing }: { count: number; findsNothing: boolean },
): Promise<Distribution> {
  const samples: number[] = []
  const warmUp = Math.ceil(count / 10)
  for (let n = -warmUp; n < count; n += 1) {
    const { rows } = await client.query<{
      'QUERY PLAN': { 'Planning Time': number; 'Execution Time': number; Plan: { 'Actual Rows': number } }[]
    }>(`explain (analyze, timing off, serialize text, format json) ${text}`, valuesOf(n + warmUp))
    const plan = rows[0]?.['QUERY PLAN'][0]
    if (!plan) throw new Error('explain said nothing')
    if ((plan.Plan['Actual Rows'] === 0) !== findsNothing)
      throw new Error(`found ${plan.Plan['Actual Rows']} rows: ${text}`)
    if (n >= 0) samples.push(plan['Planning Time'] + plan['Execution Time'])
  }
  return distributionOf(samples)
}
