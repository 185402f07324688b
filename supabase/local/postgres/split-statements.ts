/**
 * Splits a migration into its statements, without their closing semicolons, as the Supabase CLI records them.
 * Knows quoted strings and names, dollar quotes, nested comments and `begin atomic … end` bodies.
 */
export function splitStatements(sql: string): string[] {
  const statements: string[] = []
  let start = 0
  let at = 0
  let atomicDepth = 0
  while (at < sql.length) {
    const length = quotedLength(sql, at)
    if (length > 0) {
      at += length
      continue
    }
    const word = /^[a-z_][a-z_0-9$]*/i.exec(sql.slice(at, at + 64))?.[0]
    if (word !== undefined) {
      if (/^begin$/i.test(word) && /^begin\s+atomic\b/i.test(sql.slice(at, at + 64))) atomicDepth += 1
      else if (atomicDepth > 0 && /^case$/i.test(word)) atomicDepth += 1
      else if (atomicDepth > 0 && /^end$/i.test(word)) atomicDepth -= 1
      at += word.length
      continue
    }
    if (sql[at] === ';' && atomicDepth === 0) {
      statements.push(sql.slice(start, at).trim())
      start = at + 1
    }
    at += 1
  }
  statements.push(sql.slice(start).trim())
  return statements.filter((statement) => withoutComments(statement) !== '')
}

/** Length of the string, quoted name, dollar-quoted text or comment that begins here; 0 when none does. */
function quotedLength(sql: string, at: number): number {
  const rest = sql.slice(at, at + 2)
  if (rest === '--') return lengthTo(sql, '\n', at)
  if (rest === '/*') return blockCommentLength(sql, at)
  if (rest[0] === "'")
    return stringLength(sql, at, /[eE]/.test(sql[at - 1] ?? '') && !/[a-z0-9_]/i.test(sql[at - 2] ?? ' '))
  if (rest[0] === '"') return stringLength(sql, at, false)
  if (rest[0] === '$') {
    const tag = /^\$(?:[a-z_\u0080-\uffff][a-z_0-9\u0080-\uffff]*)?\$/i.exec(sql.slice(at, at + 128))?.[0]
    if (tag === undefined) return 0
    const end = sql.indexOf(tag, at + tag.length)
    return (end === -1 ? sql.length : end + tag.length) - at
  }
  return 0
}

function lengthTo(sql: string, end: string, at: number): number {
  const found = sql.indexOf(end, at)
  return (found === -1 ? sql.length : found + end.length) - at
}

function blockCommentLength(sql: string, at: number): number {
  let depth = 0
  for (let position = at; position < sql.length; position++) {
    const pair = sql.slice(position, position + 2)
    if (pair === '/*') depth += 1
    else if (pair === '*/') depth -= 1
    else continue
    position += 1
    if (depth === 0) return position + 1 - at
  }
  return sql.length - at
}

function stringLength(sql: string, at: number, backslashes: boolean): number {
  const quote = sql[at]
  for (let position = at + 1; position < sql.length; position++) {
    if (backslashes && sql[position] === '\\') position += 1
    else if (sql[position] === quote) {
      if (sql[position + 1] !== quote) return position + 1 - at
      position += 1
    }
  }
  return sql.length - at
}

function withoutComments(statement: string): string {
  let text = ''
  for (let at = 0; at < statement.length;) {
    const pair = statement.slice(at, at + 2)
    const length = pair === '--' || pair === '/*' ? quotedLength(statement, at) : 0
    if (length === 0) text += statement[at]
    at += length || 1
  }
  return text.trim()
}
