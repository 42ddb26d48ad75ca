-- Counters: each has a number of its own, and its books are totals that the request log can prove. A reset is not written
-- to every counter; a counter whose books are older than the last reset is full.

ALTER TABLE project_service ADD COLUMN last_reset timestamptz;
UPDATE project_service SET last_reset = assigned_at;
ALTER TABLE project_service ALTER COLUMN last_reset SET NOT NULL;
DROP INDEX project_service_due;

ALTER TABLE environment_service
    -- Names this counter in the request log, as long as the environment holds the service.
    ADD COLUMN id             integer GENERATED ALWAYS AS IDENTITY,
    -- Units ever granted: by the assignment, by resets, by changes of the maximum. Unlimited: as they were before.
    ADD COLUMN granted_units  bigint NOT NULL DEFAULT 0,
    -- Units ever taken and not given back: the sum of the units in the request log.
    ADD COLUMN consumed_units bigint NOT NULL DEFAULT 0,
    -- The reset that the numbers follow. Earlier than the last one: everything is available again.
    ADD COLUMN counted_since  timestamptz,
    -- No open reservation ends earlier than this. Null: there is none.
    ADD COLUMN first_expiry   timestamptz;
UPDATE environment_service es
   SET granted_units = greatest(es.available_requests, 0), counted_since = ps.last_reset
  FROM project_service ps
 WHERE ps.project_id = es.project_id AND ps.service_id = es.service_id;
ALTER TABLE environment_service
    DROP COLUMN available_requests,
    ALTER COLUMN granted_units DROP DEFAULT,
    ALTER COLUMN consumed_units DROP DEFAULT,
    ALTER COLUMN counted_since SET NOT NULL;
ALTER TABLE environment_service
    ADD COLUMN available_requests bigint NOT NULL
        GENERATED ALWAYS AS (CASE WHEN max_requests = -1 THEN -1 ELSE granted_units - consumed_units END) STORED,
    ADD CONSTRAINT environment_service_id_key UNIQUE (id),
    ADD CONSTRAINT environment_service_consumed_check CHECK (consumed_units >= 0),
    ADD CONSTRAINT environment_service_available_check CHECK (
        CASE WHEN max_requests = -1 THEN available_requests = -1
             ELSE available_requests BETWEEN 0 AND max_requests END);

-- Units taken from a counter until they are confirmed or given back.
CREATE TABLE reservation (
    id         uuid PRIMARY KEY,
    counter_id integer NOT NULL CONSTRAINT reservation_counter_fkey REFERENCES environment_service (id) ON DELETE CASCADE,
    -- The log row of the check that made it.
    request_id uuid NOT NULL,
    -- What was asked for.
    quantity   bigint NOT NULL CHECK (quantity >= 1),
    -- What was taken: all of it, or 0 when the counter was unlimited.
    units      bigint NOT NULL CHECK (units = 0 OR units = quantity),
    -- From here on it no longer exists, whether or not the row does.
    expires_at timestamptz NOT NULL
);
CREATE INDEX reservation_expiry ON reservation (counter_id, expires_at);

-- Answers to checks that carried an idempotency key, kept for a day.
CREATE TABLE remembered_answer (
    -- SHA-256 of the presented key, the method and the idempotency key.
    id             bytea PRIMARY KEY CHECK (octet_length(id) = 32),
    -- SHA-256 of the rest of the call: the same text for another call is an error.
    content_hash   bytea NOT NULL CHECK (octet_length(content_hash) = 32),
    answered_at    timestamptz NOT NULL,
    request_id     uuid NOT NULL,
    -- As in the request log.
    reason         smallint NOT NULL CHECK (reason BETWEEN 0 AND 9),
    logged_key_id  integer NOT NULL,
    available      bigint NOT NULL,
    -- Null: no quota binds the call.
    reset_at       timestamptz,
    -- Null: nothing was reserved.
    reservation_id uuid,
    expires_at     timestamptz,
    -- Somebody was told of it a second time; from then on it can no longer be taken back.
    repeated       boolean NOT NULL DEFAULT false
);
CREATE INDEX remembered_answer_age ON remembered_answer (answered_at);

-- What nodes remember of the records is valid for one version of the directory; each change of a record that a check
-- depends on raises it, in its own transaction, and says what it was about.

CREATE TABLE directory_version (
    id      integer PRIMARY KEY CHECK (id = 1),
    version bigint NOT NULL
);
INSERT INTO directory_version VALUES (1, 1);

CREATE TABLE directory_change (
    version   bigint NOT NULL,
    entity    text NOT NULL CHECK (entity IN ('service', 'client', 'project', 'environment', 'api_key')),
    entity_id integer NOT NULL,
    CONSTRAINT directory_change_pkey PRIMARY KEY (version, entity, entity_id)
);

-- Arguments: what the change is about, and the column with its id. Deferred to the commit, so that the row of the version
-- is locked last and shortest. Nodes that lag further behind than what is kept forget everything they remember.
CREATE FUNCTION note_directory_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    noted bigint := nullif(current_setting('pandora.directory_version', true), '')::bigint;
BEGIN
    IF noted IS NULL THEN
        UPDATE directory_version SET version = version + 1 RETURNING version INTO noted;
        PERFORM set_config('pandora.directory_version', noted::text, true);
        DELETE FROM directory_change WHERE version <= noted - 10000;
    END IF;
    INSERT INTO directory_change (version, entity, entity_id)
    VALUES (noted, TG_ARGV[0], (to_jsonb(coalesce(NEW, OLD)) ->> TG_ARGV[1])::integer)
        ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;

-- Rows that go with a record above are covered by its own change (they are deleted from within a trigger).
CREATE CONSTRAINT TRIGGER service_noted
    AFTER INSERT OR DELETE OR UPDATE OF name, version, status ON service
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (pg_trigger_depth() = 0)
    EXECUTE FUNCTION note_directory_change('service', 'id');
CREATE CONSTRAINT TRIGGER client_noted
    AFTER DELETE OR UPDATE OF name ON client
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (pg_trigger_depth() = 0)
    EXECUTE FUNCTION note_directory_change('client', 'id');
CREATE CONSTRAINT TRIGGER project_noted
    AFTER DELETE OR UPDATE OF name, status, client_id ON project
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (pg_trigger_depth() = 0)
    EXECUTE FUNCTION note_directory_change('project', 'id');
CREATE CONSTRAINT TRIGGER environment_noted
    AFTER DELETE OR UPDATE OF name, status, project_id ON environment
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (pg_trigger_depth() = 0)
    EXECUTE FUNCTION note_directory_change('environment', 'id');
CREATE CONSTRAINT TRIGGER api_key_noted
    AFTER INSERT OR DELETE OR UPDATE OF key_hash, environment_id, status, expires_at ON api_key
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (pg_trigger_depth() = 0)
    EXECUTE FUNCTION note_directory_change('api_key', 'id');
CREATE CONSTRAINT TRIGGER project_service_noted
    AFTER DELETE OR UPDATE OF reset_frequency, last_reset, next_reset, anchor_day ON project_service
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (pg_trigger_depth() = 0)
    EXECUTE FUNCTION note_directory_change('project', 'project_id');
CREATE CONSTRAINT TRIGGER environment_service_noted
    AFTER INSERT OR DELETE OR UPDATE OF max_requests ON environment_service
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (pg_trigger_depth() = 0)
    EXECUTE FUNCTION note_directory_change('environment', 'environment_id');

-- The request log, smaller: who called and which service was meant are written once and referred to; three indexes serve
-- every list; the time of recording is in the id.

-- A known key as it was named at the time of a check. Rows are never changed; a rename makes a new one at the next check.
-- Ids are those at that time; a reader shows an id only while its record exists.
CREATE TABLE logged_key (
    id               integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    api_key_id       integer NOT NULL,
    environment_id   integer NOT NULL,
    project_id       integer NOT NULL,
    client_id        integer NOT NULL,
    key_mask         text NOT NULL,
    environment_name text NOT NULL,
    project_name     text NOT NULL,
    client_name      text NOT NULL
);
INSERT INTO logged_key (api_key_id, environment_id, project_id, client_id, key_mask, environment_name, project_name, client_name)
SELECT DISTINCT api_key_id, environment_id, project_id, client_id, key_mask, environment_name, project_name, client_name
  FROM request
 WHERE api_key_id IS NOT NULL;
CREATE INDEX logged_key_api_key ON logged_key (api_key_id);
CREATE INDEX logged_key_environment ON logged_key (environment_id);
CREATE INDEX logged_key_project ON logged_key (project_id);
CREATE INDEX logged_key_client ON logged_key (client_id);

-- A known service, likewise.
CREATE TABLE logged_service (
    id         integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    service_id integer NOT NULL,
    name       text NOT NULL,
    version    text NOT NULL
);
INSERT INTO logged_service (service_id, name, version)
SELECT DISTINCT service_id, service_name, service_version FROM request WHERE service_id IS NOT NULL;
CREATE INDEX logged_service_service ON logged_service (service_id);

ALTER TABLE request RENAME TO request_before;
DO $$
DECLARE
    old record;
BEGIN
    FOR old IN SELECT conrelid::regclass AS on_table, conname FROM pg_constraint WHERE conname LIKE 'request%' AND contype = 'p' AND conparentid = 0
    LOOP
        EXECUTE format('ALTER TABLE %s RENAME CONSTRAINT %I TO %I', old.on_table, old.conname, old.conname || '_before');
    END LOOP;
    FOR old IN SELECT inhrelid::regclass AS child FROM pg_inherits WHERE inhparent = 'request_before'::regclass
    LOOP
        EXECUTE format('ALTER TABLE %s RENAME TO %I', old.child, old.child || '_before');
    END LOOP;
END $$;

CREATE TABLE request (
    -- UUIDv7 made by the node that answered: its leading 60 bits are the time of recording, see RequestId.
    id                    uuid NOT NULL CONSTRAINT request_pkey PRIMARY KEY,
    request_time          timestamptz NOT NULL,
    -- What the call took from its counter and did not give back.
    units                 bigint NOT NULL CHECK (units >= 0),
    -- environment_service.id. 0: no counter was touched.
    counter_id            integer NOT NULL,
    -- 0: unknown key; then key_mask tells what was presented.
    logged_key_id         integer NOT NULL,
    -- 0: unknown service; then service_name and service_version tell what was presented.
    logged_service_id     integer NOT NULL,
    -- 0 forwarded, 1 success, 2 client_error, 3 server_error; unauthorized is 10 and the priority of its failure code:
    -- 19 API_KEY_INVALID, 18 API_KEY_DISABLED, 17 API_KEY_EXPIRED, 16 SERVICE_MISMATCH, 15 SERVICE_DISABLED,
    -- 14 SERVICE_DEPRECATED, 13 SERVICE_NOT_ASSIGNED, 12 ENVIRONMENT_DISABLED, 11 QUOTA_EXCEEDED.
    outcome               smallint NOT NULL,
    -- 0 while the outcome is not reported.
    status_code           smallint NOT NULL,
    -- 0 GET, 1 HEAD, 2 POST, 3 PUT, 4 PATCH, 5 DELETE, 6 CONNECT, 7 OPTIONS, 8 TRACE.
    method                smallint NOT NULL CHECK (method BETWEEN 0 AND 8),
    path                  text NOT NULL,
    ip_address            text NOT NULL,
    key_mask              text NOT NULL DEFAULT '',
    service_name          text NOT NULL DEFAULT '',
    service_version       text NOT NULL DEFAULT '',
    detail                text NOT NULL DEFAULT '',
    metadata_body         text NOT NULL DEFAULT '',
    metadata_cookies      text NOT NULL DEFAULT '',
    metadata_headers      text NOT NULL DEFAULT '',
    metadata_query_params text NOT NULL DEFAULT '',
    metadata_content_type text NOT NULL DEFAULT '',
    CONSTRAINT request_outcome_check CHECK (
        CASE outcome
            WHEN 0 THEN status_code = 0
            WHEN 1 THEN status_code BETWEEN 200 AND 299
            WHEN 2 THEN status_code BETWEEN 400 AND 499
            WHEN 3 THEN status_code BETWEEN 500 AND 599
            ELSE outcome BETWEEN 11 AND 19 AND status_code = 401
        END)
) PARTITION BY RANGE (id);
CREATE TABLE request_default PARTITION OF request DEFAULT;

-- The same partitions as before.
DO $$
DECLARE
    old record;
BEGIN
    FOR old IN
        SELECT regexp_replace(child.relname, '_before$', '') AS name, pg_get_expr(child.relpartbound, child.oid) AS bound
          FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid
         WHERE inhparent = 'request_before'::regclass AND pg_get_expr(child.relpartbound, child.oid) <> 'DEFAULT'
    LOOP
        EXECUTE format('CREATE TABLE %I PARTITION OF request %s', old.name, old.bound);
    END LOOP;
END $$;

INSERT INTO request (
       id, request_time, units, counter_id, logged_key_id, logged_service_id, outcome, status_code, method, path, ip_address,
       key_mask, service_name, service_version, detail,
       metadata_body, metadata_cookies, metadata_headers, metadata_query_params, metadata_content_type)
SELECT r.id, r.request_time, 0, 0, coalesce(k.id, 0), coalesce(s.id, 0),
       CASE WHEN r.execution_status = 4 THEN 10 + r.unauthorized_reason ELSE r.execution_status END, r.status_code, r.method,
       r.path, r.ip_address,
       CASE WHEN k.id IS NULL THEN r.key_mask ELSE '' END,
       CASE WHEN s.id IS NULL THEN r.service_name ELSE '' END,
       CASE WHEN s.id IS NULL THEN r.service_version ELSE '' END,
       r.detail,
       r.metadata_body, r.metadata_cookies, r.metadata_headers, r.metadata_query_params, r.metadata_content_type
  FROM request_before r
  LEFT JOIN logged_key k
    ON k.api_key_id = r.api_key_id AND k.environment_id = r.environment_id AND k.project_id = r.project_id
   AND k.client_id = r.client_id AND k.key_mask = r.key_mask AND k.environment_name = r.environment_name
   AND k.project_name = r.project_name AND k.client_name = r.client_name
  LEFT JOIN logged_service s
    ON s.service_id = r.service_id AND s.name = r.service_name AND s.version = r.service_version;
DROP TABLE request_before;

-- Lists are merged from ranges of these, newest first; rows of one instant are put in the order of their ids by the reader.
CREATE INDEX request_by_key ON request (logged_key_id, request_time);
CREATE INDEX request_by_service ON request (logged_service_id, request_time);
CREATE INDEX request_by_outcome ON request (outcome, request_time);

-- Sums by hour had no reader; what they told is in the log.
DROP TABLE usage_hourly;
