import { expect, test } from 'vitest'
import { createSubmissions, type PlainText } from './submissions.ts'

const user = 'user'

function plain(text: string, key: string | null = null): PlainText {
  return { conversation: 'chat', text, key }
}

/** Stores in `log`; a text that says `no` is refused. */
function record() {
  const log: string[][] = []
  const store = (texts: string[]): void => {
    if (texts.includes('no')) throw Object.assign(new Error('refused'), { code: 'PT404' })
    log.push(texts)
    if (texts.includes('lost')) throw new Error('Connection terminated unexpectedly')
  }
  const submissions = createSubmissions<string>(async (_, texts) => {
    await Promise.resolve()
    store(texts.map(({ text }) => text))
    return texts.map(({ text }) => `together ${text}`)
  })
  const add = (text: string, options: { key?: string; isPlain?: boolean } = {}) =>
    submissions.add({
      userId: user,
      plain: options.isPlain === false ? null : plain(text, options.key ?? null),
      async alone() {
        await Promise.resolve()
        store([text])
        return `alone ${text}`
      },
    })
  return { log, add }
}

test('what comes while something is stored goes together, in order, and each gets its own answer', async () => {
  const { log, add } = record()
  const answers = await Promise.all(['1', '2', '3', '4'].map((text) => add(text)))
  expect(log).toEqual([['1'], ['2', '3', '4']])
  expect(answers).toEqual(['alone 1', 'together 2', 'together 3', 'together 4'])
})

test('what is no plain text goes alone, in its place', async () => {
  const { log, add } = record()
  await Promise.all([add('1'), add('2'), add('answer', { isPlain: false }), add('3'), add('4')])
  expect(log).toEqual([['1'], ['2'], ['answer'], ['3', '4']])
})

test('a key that comes twice is asked for twice', async () => {
  const { log, add } = record()
  await Promise.all([add('1'), add('2', { key: 'k' }), add('3', { key: 'other' }), add('2', { key: 'k' })])
  expect(log).toEqual([['1'], ['2', '3'], ['2']])
})

test('one that is refused takes nobody with it', async () => {
  const { log, add } = record()
  const answers = await Promise.allSettled(['1', '2', 'no', '3'].map((text) => add(text)))
  expect(log).toEqual([['1'], ['2'], ['3']])
  expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled'])
})

test('a lost answer stores nothing twice: whoever asked is told', async () => {
  const { log, add } = record()
  const answers = await Promise.allSettled(['1', '2', 'lost', '3'].map((text) => add(text)))
  expect(log).toEqual([['1'], ['2', 'lost', '3']])
  expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'rejected'])
})
