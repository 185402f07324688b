import { expect, test } from 'vitest'
import { splitStatements } from './split-statements.ts'

test('a semicolon inside strings, names, dollar quotes and comments does not end a statement', () => {
  expect(
    splitStatements(`-- first; line
create table "a;b" (t text default 'x;''y'); /* a /* nested; */ one; */
select E'\\';', $$a;b$$, $tag$ $$;$$ $tag$;
select 1; -- end;`),
  ).toEqual([
    `-- first; line\ncreate table "a;b" (t text default 'x;''y')`,
    `/* a /* nested; */ one; */\nselect E'\\';', $$a;b$$, $tag$ $$;$$ $tag$`,
    'select 1',
  ])
})

test('a function body of the standard kind stays whole', () => {
  const create = 'create function f() returns int begin atomic select case when true then 1 end; select 2; end'
  expect(splitStatements(`${create}; select 3`)).toEqual([create, 'select 3'])
})

test('only comments are no statement', () => {
  expect(splitStatements('-- nothing\n;\n/* here */')).toEqual([])
})
