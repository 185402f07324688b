import type pg from 'pg'

/** A table or view of ours. */
export interface Relation {
  /** `schema.name` */
  name: string
  kind: 'table' | 'view'
  rowSecurity: boolean
  /** Views only: reads with the rights of the caller. */
  securityInvoker: boolean
  comment: string | null
  columns: RelationColumn[]
}

export interface RelationColumn {
  name: string
  type: string
  /** Neither generated nor an identity that is always given by the database. */
  writable: boolean
  comment: string | null
}

/** A function of ours. */
export interface Routine {
  /** `schema.name(type,type)`, as `to_regprocedure` reads it. */
  signature: string
  schema: string
  name: string
  arguments: { name: string; type: string; optional: boolean }[]
  definer: boolean
  isTrigger: boolean
  settings: string[]
  comment: string | null
}

export interface Catalogue {
  relations: Relation[]
  routines: Routine[]
}

/** The schemas that migrations fill: the one that the API exposes, and those that it does not. */
export const ourSchemas = ['public', 'private', 'dashboard']

/** What is in our schemas now, so that nothing new escapes a test. Members of extensions are left out. */
export async function readCatalogue(client: pg.ClientBase): Promise<Catalogue> {
  const { rows } = await client.query<{ relations: Relation[]; routines: Routine[] }>(catalogue, [ourSchemas])
  const [found] = rows
  if (!found) throw new Error('the catalogue query returned nothing')
  return found
}

const catalogue = `
select
  (select coalesce(jsonb_agg(jsonb_build_object(
      'name', n.nspname || '.' || c.relname,
      'kind', case when c.relkind in ('v', 'm') then 'view' else 'table' end,
      'rowSecurity', c.relrowsecurity,
      'securityInvoker', coalesce('security_invoker=true' = any(c.reloptions) or 'security_invoker=on' = any(c.reloptions), false),
      'comment', obj_description(c.oid, 'pg_class'),
      'columns', (
        select jsonb_agg(jsonb_build_object(
          'name', a.attname, 'type', format_type(a.atttypid, null),
          'writable', a.attgenerated = '' and a.attidentity <> 'a',
          'comment', col_description(c.oid, a.attnum)) order by a.attnum)
        from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped)
    ) order by n.nspname desc, c.relname), '[]')
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = any($1) and c.relkind in ('r', 'p', 'v', 'm', 'f')
      and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e')) as relations,
  (select coalesce(jsonb_agg(jsonb_build_object(
      'signature', n.nspname || '.' || p.proname || '(' || (
        select coalesce(string_agg(format_type(t.type, null), ',' order by t.n), '')
        from unnest(p.proargtypes) with ordinality t(type, n)) || ')',
      'schema', n.nspname,
      'name', p.proname,
      'arguments', (
        select coalesce(jsonb_agg(jsonb_build_object(
          'name', coalesce(p.proargnames[t.n], ''), 'type', format_type(t.type, null),
          'optional', t.n > p.pronargs - p.pronargdefaults) order by t.n), '[]')
        from unnest(p.proargtypes) with ordinality t(type, n)),
      'definer', p.prosecdef,
      'isTrigger', p.prorettype in ('trigger'::regtype, 'event_trigger'::regtype),
      'settings', coalesce(p.proconfig, '{}'),
      'comment', obj_description(p.oid, 'pg_proc')
    ) order by n.nspname desc, p.proname), '[]')
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where n.nspname = any($1)
      and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')) as routines
`
