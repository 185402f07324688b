import { badRequest } from './rest-error.ts'
import { splitOutside, unquote } from './split-outside.ts'

export interface Field {
  column: string
  /** JSON steps: `->` keeps JSON, `->>` gives text. */
  path: { text: boolean; key: string }[]
}

export type SelectItem =
  | { kind: 'star' }
  | { kind: 'column'; field: Field; alias: string | undefined; cast: string | undefined }
  | Embed

/** A related table inside a select: `alias:target!hint(items)`. */
export interface Embed {
  kind: 'embed'
  target: string
  hint: string | undefined
  inner: boolean
  alias: string | undefined
  query: Query
}

export type Condition =
  | { kind: 'filter'; field: Field; negated: boolean; operator: string; modifier: string | undefined; value: string }
  | { kind: 'group'; operator: 'and' | 'or'; negated: boolean; conditions: Condition[] }

export interface OrderTerm {
  field: Field
  descending: boolean
  nulls: 'first' | 'last' | undefined
}

export interface Query {
  select: SelectItem[]
  where: Condition[]
  order: OrderTerm[]
  limit: number | undefined
  offset: number | undefined
}

const reserved = new Set(['select', 'order', 'limit', 'offset', 'columns', 'on_conflict', 'apikey'])

/**
 * Reads a URL's query as PostgREST does (https://docs.postgrest.org/en/stable/references/api/tables_views.html).
 * Throws a `RestError` (400, PGRST100) for what its grammar does not allow.
 */
export function parseQuery(parameters: Iterable<[string, string]>): Query {
  const all = [...parameters]
  const query = emptyQuery(parseSelect(all.find(([name]) => name === 'select')?.[1] ?? '*'))
  for (const [name, value] of all) {
    if (reserved.has(name) && name !== 'order' && name !== 'limit' && name !== 'offset') continue
    const { target, key } = embedAt(query, name)
    if (key === 'order') target.order = parseOrder(value)
    else if (key === 'limit') target.limit = wholeNumber(value)
    else if (key === 'offset') target.offset = wholeNumber(value)
    else if (/^(not\.)?(and|or)$/.test(key)) target.where.push(parseGroup(`${key}${value}`))
    else target.where.push(parseFilter(parseField(key), value, false))
  }
  return query
}

/** The parameter names that are neither reserved nor about ordering and paging. */
export function isReserved(name: string): boolean {
  return reserved.has(name)
}

function emptyQuery(select: SelectItem[]): Query {
  return { select, where: [], order: [], limit: undefined, offset: undefined }
}

/** Follows `embed.embed.key` to the embedded query that the key is about. */
function embedAt(query: Query, name: string): { target: Query; key: string } {
  let target = query
  let key = name
  for (let dot = key.indexOf('.'); dot > 0 && !/^not\.(and|or)$/.test(key); dot = key.indexOf('.')) {
    const first = key.slice(0, dot)
    const embed = target.select.find((item) => item.kind === 'embed' && (item.alias ?? item.target) === first)
    if (embed?.kind !== 'embed') {
      if (key.includes('->') || key.startsWith('"')) break
      throw badRequest(
        `'${first}' is not an embedded resource in this request`,
        `Verify that '${first}' is included in the 'select' query parameter.`,
      )
    }
    target = embed.query
    key = key.slice(dot + 1)
  }
  return { target, key }
}

export function parseSelect(text: string): SelectItem[] {
  if (text.trim() === '') return []
  return splitOutside(text, ',').map((part) => parseSelectItem(part.trim()))
}

function parseSelectItem(text: string): SelectItem {
  if (text === '*') return { kind: 'star' }
  if (/(^|\.)(count|sum|avg|max|min)\(\)$/.test(text)) throw badRequest('Use of aggregate functions is not allowed')
  if (text.startsWith('...')) throw badRequest('Spread embeds are not answered by the embedded gateway', text)
  const embed = /^(?:((?:"[^"]*"|[^:"()!])+):(?!:))?("[^"]*"|[^!()":,.]+)((?:![^!()]+)*)\(([\s\S]*)\)$/.exec(text)
  if (embed) {
    const [, alias, target = '', hints = '', inside = ''] = embed
    const marks = hints.split('!').filter(Boolean)
    return {
      kind: 'embed',
      target: unquote(target),
      alias: alias === undefined ? undefined : unquote(alias),
      inner: marks.includes('inner'),
      hint: marks.find((mark) => mark !== 'inner' && mark !== 'left'),
      query: emptyQuery(parseSelect(inside)),
    }
  }
  const column = /^(?:("[^"]*"|[^:"]+):(?!:))?((?:"[^"]*"|[^:"])+)(?:::([a-z_][a-z_0-9 ]*(?:\[\])?))?$/i.exec(text)
  if (!column) throw badRequest(`"failed to parse select parameter (${text})"`)
  const [, alias, field = '', cast] = column
  return { kind: 'column', field: parseField(field), alias: alias === undefined ? undefined : unquote(alias), cast }
}

export function parseField(text: string): Field {
  const [column = '', ...steps] = text.split(/(->>?)/)
  const path: Field['path'] = []
  for (let index = 0; index < steps.length; index += 2) {
    path.push({ text: steps[index] === '->>', key: unquote(steps[index + 1] ?? '') })
  }
  if (column.trim() === '') throw badRequest(`"failed to parse column (${text})"`)
  return { column: unquote(column.trim()), path }
}

function parseFilter(field: Field, text: string, quoted: boolean): Condition {
  const match = /^(not\.)?([a-z]+)(?:\(([^)]*)\))?\.([\s\S]*)$/.exec(text)
  if (!match) throw badRequest(`"failed to parse filter (${text})"`)
  const [, not, operator = '', modifier, value = ''] = match
  return {
    kind: 'filter',
    field,
    negated: not !== undefined,
    operator,
    modifier,
    value: quoted ? unquote(value) : value,
  }
}

/** `and(a.eq.1,or(…))`, `not.or(…)`, or a bare `(…)` for the top-level parameters `and=` and `or=`. */
function parseGroup(text: string): Condition {
  const match = /^(not\.)?(and|or)\(([\s\S]*)\)$/.exec(text.trim())
  if (!match) throw badRequest(`"failed to parse logic tree (${text})"`)
  const [, not, operator, inside = ''] = match
  return {
    kind: 'group',
    operator: operator === 'or' ? 'or' : 'and',
    negated: not !== undefined,
    conditions: splitOutside(inside, ',').map((part) => {
      const item = part.trim()
      if (/^(not\.)?(and|or)\(/.test(item)) return parseGroup(item)
      const [field = ''] = splitOutside(item, '.')
      return parseFilter(parseField(field), item.slice(field.length + 1), true)
    }),
  }
}

function parseOrder(text: string): OrderTerm[] {
  return splitOutside(text, ',').map((part) => {
    const match = /^([\s\S]+?)(?:\.(asc|desc))?(?:\.(nullsfirst|nullslast))?$/.exec(part.trim())
    if (!match) throw badRequest(`"failed to parse order (${text})"`)
    const [, field = '', direction, nulls] = match
    return {
      field: parseField(field),
      descending: direction === 'desc',
      nulls: nulls === undefined ? undefined : nulls === 'nullsfirst' ? 'first' : 'last',
    }
  })
}

function wholeNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw badRequest(`"failed to parse limit or offset (${text})"`)
  return Number(text)
}
