import type { z } from '@hono/zod-openapi'
import { PublicError, type Language } from '#shared/errors.ts'

type Issue = z.core.$ZodIssue

/** Sentences about one field, Spanish and English; `field` is its name, the numbers are the schema's limits. */
const sentences = {
  missing: { es: (field) => `Falta ${field}.`, en: (field) => `${field} is missing.` },
  type: {
    es: (field, wanted) => `${field} debe ser de tipo ${wanted}.`,
    en: (field, wanted) => `${field} must be of type ${wanted}.`,
  },
  short: {
    es: (field, limit) => `${field} es demasiado corto o pequeño: el mínimo es ${limit}.`,
    en: (field, limit) => `${field} is too short or small: the minimum is ${limit}.`,
  },
  long: {
    es: (field, limit) => `${field} es demasiado largo o grande: el máximo es ${limit}.`,
    en: (field, limit) => `${field} is too long or big: the maximum is ${limit}.`,
  },
  choice: {
    es: (field, choices) => `${field} debe ser uno de: ${choices}.`,
    en: (field, choices) => `${field} must be one of: ${choices}.`,
  },
  unknown: { es: (field) => `${field} no existe aquí.`, en: (field) => `${field} is not known here.` },
  form: { es: (field) => `${field} no tiene la forma correcta.`, en: (field) => `${field} has not the right form.` },
} as const satisfies Record<string, Record<Language, (field: string, limit: string) => string>>

/**
 * What a schema found wrong with a request as one `invalid_request`: a sentence a field in one message, `param` the first of
 * them. `input` is what was checked, to tell a missing field from one of another type.
 */
export function validationError(issues: readonly Issue[], input: unknown, language: Language): PublicError {
  const found = issues.flatMap((issue) => fieldsOf(issue, input))
  const byField = new Map(found.toReversed().map((entry) => [entry.field, entry]))
  const entries = found.filter((entry) => byField.get(entry.field) === entry)
  return new PublicError('invalid_request', {
    ...(entries[0] && { param: entries[0].field }),
    sentence: entries.map(({ field, kind, limit }) => sentences[kind][language](field, limit)).join(' '),
  })
}

interface FieldProblem {
  field: string
  kind: keyof typeof sentences
  limit: string
}

function fieldsOf(issue: Issue, input: unknown): FieldProblem[] {
  const field = issue.path.length > 0 ? issue.path.join('.') : 'body'
  switch (issue.code) {
    case 'invalid_type':
      return [{ field, kind: valueAt(input, issue.path) === undefined ? 'missing' : 'type', limit: issue.expected }]
    case 'too_small':
      return [{ field, kind: 'short', limit: String(issue.minimum) }]
    case 'too_big':
      return [{ field, kind: 'long', limit: String(issue.maximum) }]
    case 'invalid_value':
      return [{ field, kind: 'choice', limit: issue.values.map(String).join(', ') }]
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({ field: [...issue.path, key].join('.'), kind: 'unknown', limit: '' }))
    case 'invalid_union':
      return closest(issue.errors).flatMap((inner) =>
        fieldsOf({ ...inner, path: [...issue.path, ...inner.path] }, input),
      )
    default:
      return [{ field, kind: 'form', limit: '' }]
  }
}

/** Of a union's alternatives the one that came nearest: the fewest problems, the first of equals. */
function closest(alternatives: readonly (readonly Issue[])[]): readonly Issue[] {
  return alternatives.toSorted((a, b) => a.length - b.length)[0] ?? []
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) => (typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined),
    input,
  )
}
