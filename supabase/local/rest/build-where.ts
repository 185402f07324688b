import type { Condition, Field } from './parse-query.ts'
import { badRequest, RestError } from './rest-error.ts'
import type { Relation } from './schema-cache.ts'
import { splitOutside, unquote } from './split-outside.ts'
import { literal, name, type Parameters } from './sql-text.ts'

/** The rows that a clause is about: their name in the SQL text, and their columns where known. */
export interface Scope {
  alias: string
  relation: Relation | undefined
}

const comparisons: Record<string, string> = {
  eq: '=',
  neq: '<>',
  gt: '>',
  gte: '>=',
  lt: '<',
  lte: '<=',
  like: 'like',
  ilike: 'ilike',
  match: '~',
  imatch: '~*',
  isdistinct: 'is distinct from',
  cs: '@>',
  cd: '<@',
  ov: '&&',
  sl: '<<',
  sr: '>>',
  nxr: '&<',
  nxl: '&>',
  adj: '-|-',
}
const textSearches: Record<string, string> = {
  fts: 'to_tsquery',
  plfts: 'plainto_tsquery',
  phfts: 'phraseto_tsquery',
  wfts: 'websearch_to_tsquery',
}
const quantifiable = new Set(['eq', 'like', 'ilike', 'gt', 'gte', 'lt', 'lte', 'match', 'imatch'])

/** The SQL condition for all of the filters given, `true` for none. */
export function buildWhere(conditions: Condition[], scope: Scope, parameters: Parameters): string {
  if (conditions.length === 0) return 'true'
  return conditions.map((condition) => buildCondition(condition, scope, parameters)).join(' and ')
}

/** The SQL expression for a column or a step into its JSON. */
export function buildField({ column, path }: Field, { alias, relation }: Scope): string {
  const known = relation?.columns.find((candidate) => candidate.name === column)
  if (relation && !known) {
    throw new RestError(400, { code: '42703', message: `column ${relation.name}.${column} does not exist` })
  }
  const base = `${name(alias)}.${name(column)}`
  if (path.length === 0) return base
  const json = known === undefined || /^jsonb?$/.test(known.type) ? base : `to_jsonb(${base})`
  return `(${json}${path.map(({ text, key }) => `${text ? '->>' : '->'}${/^-?\d+$/.test(key) ? key : literal(key)}`).join('')})`
}

function buildCondition(condition: Condition, scope: Scope, parameters: Parameters): string {
  if (condition.kind === 'group') {
    const inside = condition.conditions
      .map((item) => buildCondition(item, scope, parameters))
      .join(` ${condition.operator} `)
    return `${condition.negated ? 'not ' : ''}(${inside})`
  }
  const test = buildTest(condition, scope, parameters)
  return condition.negated ? `not (${test})` : test
}

function buildTest(condition: Condition & { kind: 'filter' }, scope: Scope, parameters: Parameters): string {
  const { operator, modifier, value } = condition
  const field = buildField(condition.field, scope)
  if (operator === 'is') return `${field} is ${isWord(value)}`
  if (operator === 'in') return `${field} = any(${parameters.bind(listOf(value))})`
  const search = textSearches[operator]
  if (search !== undefined) {
    const type = scope.relation?.columns.find((column) => column.name === condition.field.column)?.type
    const language = modifier === undefined ? '' : `${literal(modifier)}, `
    const document = type === 'tsvector' ? field : `to_tsvector(${language}${field})`
    return `${document} @@ ${search}(${language}${parameters.bind(value)})`
  }
  const comparison = comparisons[operator]
  if (comparison === undefined)
    throw badRequest(`"failed to parse filter (${operator}.)"`, `unknown operator "${operator}"`)
  const wanted = operator === 'like' || operator === 'ilike' ? value.replaceAll('*', '%') : value
  if (modifier === undefined) return `${field} ${comparison} ${parameters.bind(wanted)}`
  if ((modifier !== 'any' && modifier !== 'all') || !quantifiable.has(operator)) {
    throw badRequest(`"failed to parse filter (${operator}(${modifier}).)"`)
  }
  return `${field} ${comparison} ${modifier}(${parameters.bind(wanted)})`
}

function isWord(value: string): string {
  const word = value.toLowerCase().replace('not_null', 'not null')
  if (['null', 'not null', 'true', 'false', 'unknown'].includes(word)) return word
  throw badRequest(`"failed to parse filter (is.${value})"`)
}

function listOf(value: string): string[] {
  if (!/^\([\s\S]*\)$/.test(value)) throw badRequest(`"failed to parse filter (in.${value})"`)
  const inside = value.slice(1, -1)
  return inside === '' ? [] : splitOutside(inside, ',').map(unquote)
}
