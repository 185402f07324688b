-- Who has too many connections may have lost some without anybody noticing: their hosts probe them before another one is refused.

alter table private.socket_connections add column probed_at timestamptz;
comment on column private.socket_connections.probed_at is 'When its host last found it alive because the user had no connection left.';
