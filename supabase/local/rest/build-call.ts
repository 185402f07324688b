import { buildSelect, type SelectContext } from './build-select.ts'
import type { Query } from './parse-query.ts'
import { RestError } from './rest-error.ts'
import type { Relation, Routine, RoutineArgument, Schema } from './schema-cache.ts'
import { name } from './sql-text.ts'

/** The overload that takes exactly these argument names, optional ones left out or not; `RestError` 404 or 300 otherwise. */
export function chooseRoutine(routineName: string, given: string[], schema: Schema): Routine {
  const candidates = (schema.routines.get(routineName) ?? []).filter((routine) => accepts(routine, given))
  const [first] = candidates
  if (!first) {
    const shown = given.length === 0 ? ' without parameters' : `(${given.toSorted().join(', ')})`
    throw new RestError(404, {
      code: 'PGRST202',
      message: `Could not find the function public.${routineName}${shown} in the schema cache`,
      details: `Searched for the function public.${routineName}${given.length === 0 ? '' : ' with parameters'}${given.length === 0 ? shown : ` ${given.join(', ')}`}, but no matches were found in the schema cache.`,
    })
  }
  if (candidates.length > 1) {
    throw new RestError(300, {
      code: 'PGRST203',
      message: `Could not choose the best candidate function between: ${candidates.map(signature).join(', ')}`,
      hint: 'Try renaming the parameters or the function itself in the database so function overloading can be resolved',
    })
  }
  return first
}

/**
 * The call with its arguments taken from one JSON object, as rows to be selected from. A scalar result is the column
 * `result`; `void` gives no rows to read.
 */
export function buildCall(
  routine: Routine,
  body: Record<string, unknown>,
  query: Query,
  context: SelectContext,
  maximumRows: number,
): { rows: string; count: string } {
  const given = inputs(routine).filter((argument) => Object.hasOwn(body, argument.name))
  const values = context.parameters.bind(JSON.stringify(body))
  const passed = given.map(
    (argument) =>
      `${argument.mode === 'v' ? 'variadic ' : ''}${name(argument.name)} := _arguments.${name(argument.name)}`,
  )
  const call = `${name(context.schemaName)}.${name(routine.name)}(${passed.join(', ')})`
  const record = `json_to_record(${values}::json) as _arguments(${given.map((argument) => `${name(argument.name)} ${argument.type}`).join(', ')})`
  const from = given.length === 0 ? `(select ${values}::json) as _arguments` : record

  if (routine.returns !== 'composite') {
    const rows = `select _result.* from ${from}, lateral (select ${call} as "result") _result`
    return { rows, count: rows }
  }
  const relation = routine.relation === null ? rowType(routine) : context.schema.relations.get(routine.relation)
  const source = `(select _result.* from ${from}, lateral ${call} _result)`
  return buildSelect(query, source, { alias: routine.name, relation }, context, { maximumRows })
}

function accepts(routine: Routine, given: string[]): boolean {
  const wanted = inputs(routine)
  return (
    given.every((key) => wanted.some((argument) => argument.name === key)) &&
    wanted.every((argument) => argument.optional || given.includes(argument.name))
  )
}

function inputs(routine: Routine): RoutineArgument[] {
  return routine.arguments.filter(({ mode }) => mode === 'i' || mode === 'b' || mode === 'v')
}

/** The columns of `returns table (…)` and of OUT arguments. */
function rowType(routine: Routine): Relation | undefined {
  const columns = routine.arguments.filter(({ mode }) => mode === 't' || mode === 'o' || mode === 'b')
  return columns.length === 0
    ? undefined
    : {
        name: routine.name,
        primaryKey: [],
        columns: columns.map((column) => ({ name: column.name, type: column.type, default: null })),
      }
}

function signature(routine: Routine): string {
  return `public.${routine.name}(${routine.arguments.map(({ name: argument, type }) => `${argument} => ${type}`).join(', ')})`
}
