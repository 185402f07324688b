-- A host that stopped in the middle of a transaction holds its lease's row locked until the database ends that. Who looks for sessions without
-- an owner goes on with the next one meanwhile.

alter function private.acquire_lease(uuid, uuid, double precision) set lock_timeout = '500ms';
