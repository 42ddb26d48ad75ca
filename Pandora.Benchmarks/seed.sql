-- Fills an empty, migrated Pandora database with records and a request log of a given size, to measure on.
--
--   psql -v keys=1000000 -v environments=100000 -v rows=50000000 -v days=90 -f seed.sql
--
-- Stop the nodes before. The text of key n (1..keys) is 'bench-key-' || n, hashed without pepper; keys cannot be revealed.
-- Key n belongs to environment 1 + (n - 1) % environments, and that one to project 1 + (environment - 1) % projects. Each
-- environment holds two of the twenty services, service-1 to service-20 in version 1.0.0; see seed_service. Low keys call
-- most. Clients 1 (which has the busiest keys) and 2 have about 5 000 keys each. The books of the counters are right.

\set ON_ERROR_STOP on
\if :{?keys} \else \set keys 100000 \endif
\if :{?environments} \else \set environments 10000 \endif
\if :{?rows} \else \set rows 1000000 \endif
\if :{?days} \else \set days 90 \endif
\timing on

SELECT set_config('seed.keys', :'keys', false), set_config('seed.environments', :'environments', false),
       set_config('seed.projects', least(10000, :environments)::text, false),
       set_config('seed.clients', greatest(3, least(1000, :environments / 10))::text, false),
       set_config('seed.rows', :'rows', false),
       set_config('seed.from', date_trunc('day', now() - :days * interval '1 day')::text, false),
       set_config('seed.to', now()::text, false),
       set_config('synchronous_commit', 'off', false), set_config('maintenance_work_mem', '512MB', false);
-- Notes of changes and checks of references cost much and tell nothing here.
SELECT set_config('session_replication_role', 'replica', false) FROM pg_roles WHERE rolname = current_user AND rolsuper;
SET timezone = 'UTC';

DO $$ BEGIN
    IF EXISTS (SELECT FROM client) OR EXISTS (SELECT FROM request) THEN
        RAISE 'This database is not empty.';
    END IF;
END $$;

CREATE FUNCTION pg_temp.setting(name text) RETURNS bigint STABLE LANGUAGE sql
    AS $$ SELECT current_setting('seed.' || name)::bigint $$;

-- The service in a place (0 or 1) of the environments of a project.
CREATE FUNCTION pg_temp.seed_service(project bigint, place bigint) RETURNS integer IMMUTABLE LANGUAGE sql
    AS $$ SELECT (CASE place WHEN 0 THEN 1 + project % 5 ELSE 6 + project % 15 END)::integer $$;

-- As RequestId makes them. Written so that the planner can put it in line.
CREATE FUNCTION pg_temp.seed_id(microseconds bigint, n bigint) RETURNS uuid LANGUAGE sql
    AS $$ SELECT (encode(int8send((microseconds / 1000 << 16) | 28672 | microseconds % 1000), 'hex')
                  || '8' || substr(md5(n::text), 1, 15))::uuid $$;

\echo Records
INSERT INTO service (id, name, version, status, created_at) OVERRIDING SYSTEM VALUE
SELECT n, 'service-' || n, '1.0.0', 'enabled', current_setting('seed.from')::timestamptz FROM generate_series(1, 20) n;

INSERT INTO client (id, type, name, email, email_folded, created_at) OVERRIDING SYSTEM VALUE
SELECT n, 'organization', 'client-' || n, 'client-' || n || '@example.org', 'client-' || n || '@example.org',
       current_setting('seed.from')::timestamptz + n * interval '1 second'
  FROM generate_series(1, pg_temp.setting('clients')) n;

-- Projects that together hold about 5 000 keys: those of client 1 come first, those of client 2 last.
SELECT least(projects / 4, ceil(5000.0 * projects / pg_temp.setting('keys')))::text AS big
  FROM pg_temp.setting('projects') projects \gset
INSERT INTO project (id, client_id, name, status, created_at) OVERRIDING SYSTEM VALUE
SELECT n, CASE WHEN n <= :big THEN 1 WHEN n > projects - :big THEN 2 ELSE 3 + n % (pg_temp.setting('clients') - 2) END,
       'project-' || n, 'enabled', current_setting('seed.from')::timestamptz + n * interval '1 second'
  FROM pg_temp.setting('projects') projects, generate_series(1, projects) n;

INSERT INTO project_service (project_id, service_id, max_requests, reset_frequency, next_reset, last_reset, anchor_day, assigned_at)
SELECT id, pg_temp.seed_service(id, place), 1000000000000, 'monthly', date_trunc('month', now()) + interval '1 month',
       date_trunc('month', now()), 1, created_at
  FROM project, generate_series(0, 1) place;

INSERT INTO environment (id, project_id, name, status, created_at) OVERRIDING SYSTEM VALUE
SELECT n, 1 + (n - 1) % pg_temp.setting('projects'), 'environment-' || n, 'enabled',
       current_setting('seed.from')::timestamptz + n * interval '1 second'
  FROM generate_series(1, pg_temp.setting('environments')) n;

INSERT INTO api_key (id, environment_id, key_hash, key_mask, key_ciphertext, key_material_id, status, created_at, last_used)
       OVERRIDING SYSTEM VALUE
SELECT n, 1 + (n - 1) % pg_temp.setting('environments'), sha256(convert_to('bench-key-' || n, 'UTF8')), '...', '', '', 'enabled',
       current_setting('seed.from')::timestamptz, current_setting('seed.to')::timestamptz
  FROM generate_series(1, pg_temp.setting('keys')) n;

INSERT INTO logged_key (id, api_key_id, environment_id, project_id, client_id, key_mask, environment_name, project_name, client_name)
       OVERRIDING SYSTEM VALUE
SELECT key.id, key.id, environment.id, project.id, client.id, key.key_mask, environment.name, project.name, client.name
  FROM api_key key
  JOIN environment ON environment.id = key.environment_id
  JOIN project ON project.id = environment.project_id
  JOIN client ON client.id = project.client_id;
INSERT INTO logged_service (id, service_id, name, version) OVERRIDING SYSTEM VALUE
SELECT id, id, name, version FROM service;

\echo Log
-- Row n was recorded at a time in proportion to n. Of 100 rows 82 are forwarded or success; API_KEY_EXPIRED is one of 100 000.
CREATE FUNCTION pg_temp.seed_rows(target regclass, since timestamptz, until timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    first bigint := extract(epoch FROM current_setting('seed.from')::timestamptz) * 1000000;
    step  double precision := (extract(epoch FROM current_setting('seed.to')::timestamptz) * 1000000 - first) / pg_temp.setting('rows');
    low   bigint := greatest(0, ceil((extract(epoch FROM since) * 1000000 - first) / step));
    high  bigint := least(pg_temp.setting('rows'), ceil((extract(epoch FROM until) * 1000000 - first) / step)) - 1;
BEGIN
    EXECUTE format($insert$
        INSERT INTO %s (id, request_time, units, counter_id, logged_key_id, logged_service_id, outcome, status_code, method,
                        path, ip_address, key_mask)
        SELECT pg_temp.seed_id(at, n), to_timestamp(0) + (at - n %% 50 * 1000) * interval '1 microsecond',
               (outcome <= 3)::integer, CASE WHEN outcome <= 3 THEN (environment - 1) * 2 + place + 1 ELSE 0 END,
               CASE WHEN outcome = 19 THEN 0 ELSE key END,
               CASE WHEN outcome = 16 THEN 0 ELSE pg_temp.seed_service(1 + (environment - 1) %% %s, place) END,
               outcome, (CASE WHEN outcome = 0 THEN 0 WHEN outcome = 1 THEN 200 WHEN outcome = 2 THEN 404 WHEN outcome = 3 THEN 500 ELSE 401 END),
               n %% 7, '/v1/orders/' || n %% 100000, '192.0.2.' || n %% 250, CASE WHEN outcome = 19 THEN '...' ELSE '' END
          FROM (SELECT n, at, place, key, 1 + (key - 1) %% %s AS environment, (CASE
                       WHEN n %% 100000 = 7 THEN 17 WHEN chance < 0.70 THEN 1 WHEN chance < 0.82 THEN 0 WHEN chance < 0.87 THEN 2
                       WHEN chance < 0.88 THEN 3 WHEN chance < 0.98 THEN 11 WHEN chance < 0.99 THEN 19 WHEN chance < 0.992 THEN 12
                       WHEN chance < 0.994 THEN 13 WHEN chance < 0.996 THEN 14 WHEN chance < 0.998 THEN 15 WHEN chance < 0.999 THEN 16
                       ELSE 18 END) AS outcome
                  FROM (SELECT n, $1 + ceil(n * $2)::bigint AS at, (random() > 0.7)::integer AS place, random() AS chance,
                               1 + floor(%s * pow(random(), 3))::integer AS key
                          FROM generate_series($3, $4) n) drawn) row
        $insert$, target, pg_temp.setting('projects'), pg_temp.setting('environments'), pg_temp.setting('keys'))
      USING first, step, low, high;
END $$;

-- Months, as nodes make them; what a node made already is filled as it is. Indexes are built after the rows are there.
DO $$
DECLARE
    since  timestamptz := current_setting('seed.from');
    until  timestamptz := current_setting('seed.to');
    at     timestamptz := since;
    bounds text[];
    upto   timestamptz;
    name   text;
BEGIN
    CREATE TEMP TABLE made AS
    SELECT inhrelid::regclass AS name,
           to_timestamp(('x' || replace(bound[1], '-', ''))::bit(48)::bigint / 1000.0) AS since,
           to_timestamp(('x' || replace(bound[2], '-', ''))::bit(48)::bigint / 1000.0) AS until
      FROM pg_inherits JOIN pg_class ON oid = inhrelid,
           regexp_match(pg_get_expr(relpartbound, oid), 'FROM \(''(.*)''\) TO \(''(.*)''\)') bound
     WHERE inhparent = 'request'::regclass AND bound IS NOT NULL;
    WHILE at < until LOOP
        SELECT made.name, made.until INTO name, upto FROM made WHERE at >= made.since AND at < made.until;
        IF FOUND THEN
            PERFORM pg_temp.seed_rows(name::regclass, at, upto);
        ELSE
            upto := date_trunc('month', at) + interval '1 month';
            SELECT least(upto, min(made.since)) INTO upto FROM made WHERE made.since > at;
            name := format('request_%s_%s', to_char(at, 'YYYYMMDD'), to_char(upto, 'YYYYMMDD'));
            EXECUTE format('CREATE TABLE %I (LIKE request INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', name);
            PERFORM pg_temp.seed_rows(name::regclass, at, upto);
            EXECUTE format('ALTER TABLE request ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', name,
                rpad(encode(int8send((extract(epoch FROM at) * 1000)::bigint << 16), 'hex'), 32, '0')::uuid,
                rpad(encode(int8send((extract(epoch FROM upto) * 1000)::bigint << 16), 'hex'), 32, '0')::uuid);
        END IF;
        COMMIT;
        RAISE NOTICE '% to %: %', at::date, upto::date, name;
        at := upto;
    END LOOP;
    DROP TABLE made;
END $$;

\echo Counters
INSERT INTO environment_service (id, environment_id, service_id, project_id, max_requests, granted_units, consumed_units, counted_since, assigned_at)
       OVERRIDING SYSTEM VALUE
SELECT (environment.id - 1) * 2 + place + 1, environment.id, pg_temp.seed_service(project_id, place), project_id,
       1000000000, 1000000000 + coalesce(units, 0), coalesce(units, 0), date_trunc('month', now()), created_at
  FROM environment
 CROSS JOIN generate_series(0, 1) place
  LEFT JOIN (SELECT counter_id, sum(units)::bigint AS units FROM request GROUP BY counter_id) used
    ON counter_id = (environment.id - 1) * 2 + place + 1;

\echo Numbers and statistics
SELECT setval(pg_get_serial_sequence(name, 'id'), greatest(1, (xpath('//max/text()', query_to_xml('SELECT max(id) FROM ' || name, true, true, '')))[1]::text::bigint))
  FROM unnest('{service,client,project,environment,api_key,logged_key,logged_service,environment_service}'::text[]) name;
-- What a node without pepper looks for when there are keys.
INSERT INTO installation VALUES ('api_key_pepper', 'none') ON CONFLICT (name) DO NOTHING;
UPDATE directory_version SET version = version + 1000000;
VACUUM (ANALYZE);
