-- Failed logins count for the address they come from, alone and together with the username; never for a username alone,
-- by which anybody could lock its owner out. What was counted until now is at most an hour old and is not kept.
DROP TABLE login_failure;
CREATE TABLE login_failure (
    -- Of an IPv6 peer its network of 64 bits, as it may choose any address in there.
    address      text NOT NULL,
    -- SHA-256 of the username text, which may be a password in the wrong field. Empty: of the address alone.
    username     bytea NOT NULL,
    failures     integer NOT NULL CHECK (failures >= 0),
    last_failure timestamptz NOT NULL,
    -- Null: not locked.
    locked_until timestamptz,
    CONSTRAINT login_failure_pkey PRIMARY KEY (address, username)
);
CREATE INDEX login_failure_age ON login_failure (last_failure);

-- From where a right password came lately: logins from there do not wait behind those of strangers.
CREATE TABLE known_login (
    -- As in login_failure.
    address    text NOT NULL,
    username   bytea NOT NULL,
    last_login timestamptz NOT NULL,
    CONSTRAINT known_login_pkey PRIMARY KEY (address, username)
);
CREATE INDEX known_login_age ON known_login (last_login);

-- The one key that a scoped token has revealed, until long after the token's end.
CREATE TABLE revealed_key (
    token_id    text NOT NULL CONSTRAINT revealed_key_pkey PRIMARY KEY,
    -- No reference: a token does not become good for another key when its own is deleted.
    api_key_id  integer NOT NULL,
    revealed_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX revealed_key_age ON revealed_key (revealed_at);
