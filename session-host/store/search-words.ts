import type { Queryable } from './database.ts'

/** Looks up what private.search_words says of texts, and remembers it of their words: people use the same ones again and again. */
export interface SearchWords {
  /** The search words of each text; asked for within a transaction where one is given. */
  of(texts: string[], over?: Queryable): Promise<Map<string, string>>
}

/** Words that are remembered at most, characters of one, and for how long in ms: a migration may change what the database says. */
const most = 50_000
const longest = 40
const maxAgeMs = 600_000

/**
 * @see SearchWords. Postgres' parser never joins what blanks divide, and private.search_words puts blanks where punctuation is: so the
 * words of a text are those of its pieces. It is cut at ASCII characters alone, which both agree on.
 */
export function createSearchWords(database: Queryable): SearchWords {
  const known = new Map<string, string>()
  let since = performance.now()

  async function lookUp(pieces: string[], over: Queryable): Promise<Map<string, string>> {
    if (pieces.length === 0) return new Map()
    const [row] = await over.query<{ words: string[] }>('select private.search_words_of($1) as words', [pieces])
    return new Map(pieces.map((piece, n) => [piece, row?.words[n] ?? '']))
  }

  return {
    async of(texts, over = database) {
      if (performance.now() - since > maxAgeMs) {
        known.clear()
        since = performance.now()
      }
      const words = new Map<string, string>()
      const cut = texts.map((text): [string, string[]] => [text, piecesOf(text)])
      for (const [, pieces] of cut)
        for (const piece of pieces) {
          const found = digits.test(piece) ? piece : known.get(piece)
          if (found !== undefined) words.set(piece, found)
        }
      const missing = new Set(cut.flatMap(([, pieces]) => pieces.filter((piece) => !words.has(piece))))
      const found = await lookUp([...missing], over)
      if (known.size + found.size > most) known.clear()
      for (const [piece, said] of found) {
        words.set(piece, said)
        if (piece.length <= longest && known.size < most) known.set(piece, said)
      }
      return new Map(cut.map(([text, pieces]) => [text, joined(pieces, words)]))
    },
  }
}

function piecesOf(text: string): string[] {
  return text.split(dividers).filter((piece) => piece !== '')
}

function joined(pieces: string[], words: Map<string, string>): string {
  let all = ''
  for (const piece of pieces) {
    const said = words.get(piece)
    if (said) all += all === '' ? said : ` ${said}`
  }
  return all
}

/** A number is its own word in every language. */
const digits = /^[0-9]{1,18}$/
const dividers = /[\t-\r !-/:-@[-`{-~]+/
