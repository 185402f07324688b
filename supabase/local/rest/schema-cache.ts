import type pg from 'pg'

export interface Column {
  name: string
  /** As `format_type` writes it. */
  type: string
  default: string | null
}

/** A table, view or composite result that a request can read from. */
export interface Relation {
  name: string
  columns: Column[]
  primaryKey: string[]
}

/** A foreign key between two relations of the exposed schema. */
export interface Reference {
  name: string
  from: string
  fromColumns: string[]
  to: string
  toColumns: string[]
  /** Whether the referencing columns are unique, so that the other side sees one row and not a list. */
  unique: boolean
}

export interface RoutineArgument {
  name: string
  type: string
  mode: string
  optional: boolean
}

export interface Routine {
  name: string
  arguments: RoutineArgument[]
  set: boolean
  volatile: boolean
  returns: 'void' | 'scalar' | 'composite'
  /** The relation whose rows it returns, where its result is a table's row type. */
  relation: string | null
}

export interface Schema {
  relations: Map<string, Relation>
  references: Reference[]
  routines: Map<string, Routine[]>
}

/** What the API can see of one schema. Columns and functions that a role may not use stay in: Postgres refuses them. */
export async function readSchema(client: pg.Pool, schema: string): Promise<Schema> {
  const { rows } = await client.query<{ relations: Relation[]; references: Reference[]; routines: Routine[] }>(
    catalogue,
    [schema],
  )
  const [found] = rows
  if (!found) throw new Error('the catalogue query returned nothing')
  return {
    relations: new Map(found.relations.map((relation) => [relation.name, relation])),
    references: found.references,
    routines: Map.groupBy(found.routines, ({ name }) => name) as Map<string, Routine[]>,
  }
}

// proallargtypes counts from 1, proargtypes from 0.
const catalogue = `
with relation as (
  select c.oid, c.relname as name from pg_catalog.pg_class c
  where c.relnamespace = $1::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f')
),
names as (
  select k.oid as id, array_agg(a.attname::text order by u.ordinality) filter (where u.side = 'from') as "from",
    array_agg(a.attname::text order by u.ordinality) filter (where u.side = 'to') as "to"
  from pg_catalog.pg_constraint k
  cross join lateral (
    select 'from' as side, k.conrelid as rel, n.num, n.ordinality from unnest(k.conkey) with ordinality n (num, ordinality)
    union all
    select 'to', k.confrelid, n.num, n.ordinality from unnest(k.confkey) with ordinality n (num, ordinality)
  ) u
  join pg_catalog.pg_attribute a on a.attrelid = u.rel and a.attnum = u.num
  where k.conrelid in (select oid from relation) and k.contype in ('p', 'f')
  group by k.oid
)
select
  (select coalesce(json_agg(json_build_object(
      'name', r.name,
      'columns', (
        select coalesce(json_agg(json_build_object(
          'name', a.attname, 'type', format_type(a.atttypid, a.atttypmod), 'default', pg_get_expr(d.adbin, d.adrelid)
        ) order by a.attnum), '[]')
        from pg_catalog.pg_attribute a
        left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum and a.attgenerated = ''
        where a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
      ),
      'primaryKey', coalesce((
        select to_json(n."from") from pg_catalog.pg_constraint k join names n on n.id = k.oid where k.conrelid = r.oid and k.contype = 'p'
      ), '[]')
    )), '[]') from relation r) as relations,
  (select coalesce(json_agg(json_build_object(
      'name', k.conname, 'from', f.name, 'fromColumns', n."from", 'to', t.name, 'toColumns', n."to",
      'unique', exists (
        select from pg_catalog.pg_index i
        where i.indrelid = k.conrelid and i.indisunique and i.indpred is null and i.indkey::int2[] <@ k.conkey
      )
    )), '[]')
    from pg_catalog.pg_constraint k
    join names n on n.id = k.oid
    join relation f on f.oid = k.conrelid
    join relation t on t.oid = k.confrelid
    where k.contype = 'f') as references,
  (select coalesce(json_agg(json_build_object(
      'name', p.proname,
      'arguments', (
        select coalesce(json_agg(json_build_object(
          'name', coalesce(p.proargnames[g.n], ''),
          'type', format_type((coalesce(p.proallargtypes, p.proargtypes::oid[]))[g.n + coalesce(0 * array_length(p.proallargtypes, 1), -1)], null),
          'mode', coalesce(p.proargmodes[g.n], 'i'),
          'optional', coalesce(p.proargmodes[g.n], 'i') in ('i', 'b', 'v') and (
            select count(*) from generate_series(1, g.n) m where coalesce(p.proargmodes[m], 'i') in ('i', 'b', 'v')
          ) > p.pronargs - p.pronargdefaults
        ) order by g.n), '[]')
        from generate_series(1, coalesce(array_length(p.proallargtypes, 1), p.pronargs)) as g (n)
      ),
      'set', p.proretset,
      'volatile', p.provolatile = 'v',
      'returns', case
        when p.prorettype = 'void'::regtype then 'void'
        when t.typtype = 'c' or (p.prorettype = 'record'::regtype and p.proargmodes is not null) then 'composite'
        else 'scalar'
      end,
      'relation', (select r.name from relation r where r.oid = t.typrelid)
    )), '[]')
    from pg_catalog.pg_proc p
    join pg_catalog.pg_type t on t.oid = p.prorettype
    where p.pronamespace = $1::regnamespace and p.prokind = 'f'
      and p.prorettype not in ('trigger'::regtype, 'event_trigger'::regtype)) as routines
`
