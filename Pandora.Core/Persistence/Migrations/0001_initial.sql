-- Records that administrators keep.

CREATE TABLE service (
    id         integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 255),
    version    text NOT NULL CHECK (char_length(version) BETWEEN 1 AND 25),
    status     text NOT NULL CHECK (status IN ('enabled', 'disabled', 'deprecated')),
    created_at timestamptz NOT NULL,
    CONSTRAINT service_name_version_key UNIQUE (name, version)
);
CREATE INDEX service_order ON service (created_at DESC, id DESC);

CREATE TABLE client (
    id           integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    type         text NOT NULL CHECK (type IN ('developer', 'organization')),
    name         text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 255),
    email        text NOT NULL CHECK (char_length(email) BETWEEN 1 AND 255),
    -- The e-mail in lower case, by the same rules whatever the locale of the database.
    email_folded text NOT NULL,
    created_at   timestamptz NOT NULL,
    CONSTRAINT client_name_key UNIQUE (name),
    CONSTRAINT client_email_key UNIQUE (email_folded)
);
CREATE INDEX client_order ON client (created_at DESC, id DESC);

CREATE TABLE project (
    id         integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    client_id  integer NOT NULL CONSTRAINT project_client_fkey REFERENCES client ON DELETE CASCADE,
    name       text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 255),
    status     text NOT NULL CHECK (status IN ('enabled', 'disabled')),
    created_at timestamptz NOT NULL,
    CONSTRAINT project_name_client_key UNIQUE (client_id, name)
);
CREATE INDEX project_order ON project (created_at DESC, id DESC);
CREATE INDEX project_of_client ON project (client_id, created_at DESC, id DESC);

CREATE TABLE environment (
    id         integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project_id integer NOT NULL CONSTRAINT environment_project_fkey REFERENCES project ON DELETE CASCADE,
    name       text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 255),
    status     text NOT NULL CHECK (status IN ('enabled', 'disabled')),
    created_at timestamptz NOT NULL,
    CONSTRAINT environment_name_project_key UNIQUE (project_id, name),
    -- Lets environment_service prove that environment and service meet in one project.
    CONSTRAINT environment_id_project_key UNIQUE (id, project_id)
);
CREATE INDEX environment_order ON environment (created_at DESC, id DESC);
CREATE INDEX environment_of_project ON environment (project_id, created_at DESC, id DESC);

CREATE TABLE project_service (
    project_id      integer NOT NULL CONSTRAINT project_service_project_fkey REFERENCES project ON DELETE CASCADE,
    service_id      integer NOT NULL CONSTRAINT project_service_service_fkey REFERENCES service,
    -- -1 is unlimited.
    max_requests    bigint NOT NULL CHECK (max_requests BETWEEN -1 AND 9007199254740991),
    reset_frequency text NOT NULL CHECK (reset_frequency IN ('daily', 'weekly', 'biweekly', 'monthly')),
    next_reset      timestamptz NOT NULL,
    -- Day of the month that a monthly schedule returns to after a shorter month.
    anchor_day      smallint NOT NULL CHECK (anchor_day BETWEEN 1 AND 31),
    assigned_at     timestamptz NOT NULL,
    CONSTRAINT project_service_pkey PRIMARY KEY (project_id, service_id)
);
CREATE INDEX project_service_service ON project_service (service_id);
CREATE INDEX project_service_due ON project_service (next_reset);

CREATE TABLE environment_service (
    environment_id     integer NOT NULL,
    service_id         integer NOT NULL,
    project_id         integer NOT NULL,
    -- -1 is unlimited; then available_requests is -1 too.
    max_requests       bigint NOT NULL CHECK (max_requests BETWEEN -1 AND 9007199254740991),
    available_requests bigint NOT NULL,
    assigned_at        timestamptz NOT NULL,
    CONSTRAINT environment_service_pkey PRIMARY KEY (environment_id, service_id),
    CONSTRAINT environment_service_environment_fkey FOREIGN KEY (environment_id, project_id)
        REFERENCES environment (id, project_id) ON DELETE CASCADE,
    CONSTRAINT environment_service_project_service_fkey FOREIGN KEY (project_id, service_id)
        REFERENCES project_service ON DELETE CASCADE,
    CONSTRAINT environment_service_available_check CHECK (
        CASE WHEN max_requests = -1 THEN available_requests = -1
             ELSE available_requests BETWEEN 0 AND max_requests END)
) WITH (fillfactor = 50); -- counters are updated in place
CREATE INDEX environment_service_project ON environment_service (project_id, service_id);

CREATE TABLE api_key (
    id              integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    environment_id  integer NOT NULL CONSTRAINT api_key_environment_fkey REFERENCES environment ON DELETE CASCADE,
    key_hash        bytea NOT NULL CHECK (octet_length(key_hash) = 32),
    key_mask        text NOT NULL CHECK (char_length(key_mask) IN (3, 11)),
    key_ciphertext  bytea NOT NULL,
    key_material_id text NOT NULL,
    status          text NOT NULL CHECK (status IN ('enabled', 'disabled')),
    -- Null: never expires.
    expires_at      timestamptz,
    -- Null: no valid check yet.
    last_used       timestamptz,
    created_at      timestamptz NOT NULL,
    CONSTRAINT api_key_hash_key UNIQUE (key_hash)
) WITH (fillfactor = 80);
CREATE INDEX api_key_environment ON api_key (environment_id, created_at DESC, id DESC);

-- Access of administrators.

CREATE TABLE admin_account (
    id                   integer PRIMARY KEY CHECK (id = 1),
    username             text NOT NULL,
    password_hash        text NOT NULL,
    -- Raised by each password change; tokens carry the version they were issued under.
    credential_version   integer NOT NULL CHECK (credential_version >= 1),
    force_password_reset boolean NOT NULL,
    -- The token that made the last change stays valid under its old version. Null: none.
    exempt_token_id      text
);

CREATE TABLE login_failure (
    -- 'username' or 'address': what is counted.
    kind         text NOT NULL CHECK (kind IN ('username', 'address')),
    -- SHA-256 of the username text or of the peer address.
    subject      bytea NOT NULL,
    failures     integer NOT NULL CHECK (failures >= 0),
    last_failure timestamptz NOT NULL,
    -- Null: not locked.
    locked_until timestamptz,
    CONSTRAINT login_failure_pkey PRIMARY KEY (kind, subject)
);
CREATE INDEX login_failure_age ON login_failure (last_failure);

CREATE TABLE reveal_audit (
    id           uuid PRIMARY KEY,
    created_at   timestamptz NOT NULL,
    username     text NOT NULL,
    token_id     text NOT NULL,
    -- The id asked for; no reference, so that the record outlives the key. Null: it cannot be the id of a key.
    api_key_id   integer,
    peer_address text NOT NULL,
    outcome      text NOT NULL CHECK (outcome IN ('granted', 'forbidden', 'not_found', 'undecryptable', 'invalid_id'))
);

-- Facts about this database that every node must agree on, such as which pepper its keys were hashed with.
CREATE TABLE installation (
    name  text PRIMARY KEY,
    value text NOT NULL
);

-- The record of every check.

CREATE TABLE request (
    -- UUIDv7 made by the node that answered: its leading 48 bits are the time of recording in milliseconds.
    id                    uuid NOT NULL PRIMARY KEY,
    created_at            timestamptz NOT NULL,
    request_time          timestamptz NOT NULL,
    -- Ids are those at the time of the call, null when it named nothing. They are not references: a row outlives what
    -- it describes, and readers show an id only while its record exists.
    api_key_id            integer,
    environment_id        integer,
    project_id            integer,
    client_id             integer,
    service_id            integer,
    -- 0 forwarded, 1 success, 2 client_error, 3 server_error, 4 unauthorized.
    execution_status      smallint NOT NULL CHECK (execution_status BETWEEN 0 AND 4),
    -- 0 none, else the priority of the failure code: 9 API_KEY_INVALID, 8 API_KEY_DISABLED, 7 API_KEY_EXPIRED,
    -- 6 SERVICE_MISMATCH, 5 SERVICE_DISABLED, 4 SERVICE_DEPRECATED, 3 SERVICE_NOT_ASSIGNED, 2 ENVIRONMENT_DISABLED,
    -- 1 QUOTA_EXCEEDED.
    unauthorized_reason   smallint NOT NULL CHECK (unauthorized_reason BETWEEN 0 AND 9),
    -- 0 while the outcome is not reported.
    status_code           smallint NOT NULL,
    -- 0 GET, 1 HEAD, 2 POST, 3 PUT, 4 PATCH, 5 DELETE, 6 CONNECT, 7 OPTIONS, 8 TRACE.
    method                smallint NOT NULL CHECK (method BETWEEN 0 AND 8),
    key_mask              text NOT NULL,
    environment_name      text NOT NULL,
    project_name          text NOT NULL,
    client_name           text NOT NULL,
    service_name          text NOT NULL,
    service_version       text NOT NULL,
    path                  text NOT NULL,
    ip_address            text NOT NULL,
    detail                text NOT NULL DEFAULT '',
    metadata_body         text NOT NULL,
    metadata_cookies      text NOT NULL,
    metadata_headers      text NOT NULL,
    metadata_query_params text NOT NULL,
    metadata_content_type text NOT NULL,
    CONSTRAINT request_reason_check CHECK ((execution_status = 4) = (unauthorized_reason <> 0)),
    CONSTRAINT request_status_code_check CHECK (
        CASE execution_status
            WHEN 0 THEN status_code = 0
            WHEN 1 THEN status_code BETWEEN 200 AND 299
            WHEN 2 THEN status_code BETWEEN 400 AND 499
            WHEN 3 THEN status_code BETWEEN 500 AND 599
            ELSE status_code = 401
        END)
) PARTITION BY RANGE (id);
CREATE TABLE request_default PARTITION OF request DEFAULT;

CREATE INDEX request_by_time ON request (request_time DESC, id DESC);
CREATE INDEX request_by_api_key ON request (api_key_id, request_time DESC, id DESC) WHERE api_key_id IS NOT NULL;
CREATE INDEX request_by_environment ON request (environment_id, request_time DESC, id DESC) WHERE environment_id IS NOT NULL;
CREATE INDEX request_by_project ON request (project_id, request_time DESC, id DESC) WHERE project_id IS NOT NULL;
CREATE INDEX request_by_client ON request (client_id, request_time DESC, id DESC) WHERE client_id IS NOT NULL;
CREATE INDEX request_by_service ON request (service_id, request_time DESC, id DESC) WHERE service_id IS NOT NULL;
CREATE INDEX request_by_status ON request (execution_status, request_time DESC, id DESC);
CREATE INDEX request_by_reason ON request (unauthorized_reason, request_time DESC, id DESC) WHERE unauthorized_reason <> 0;

-- How many checks each environment made of each service, by hour (UTC) of recording.
CREATE TABLE usage_hourly (
    environment_id integer NOT NULL,
    service_id     integer NOT NULL,
    hour           timestamptz NOT NULL,
    -- Checks that passed, and those that were refused.
    forwarded      bigint NOT NULL,
    unauthorized   bigint NOT NULL,
    -- Requests taken from the quota.
    consumed       bigint NOT NULL,
    CONSTRAINT usage_hourly_pkey PRIMARY KEY (environment_id, service_id, hour)
) WITH (fillfactor = 70);
