-- Reservations that end together are settled a part at a time.
ALTER TABLE environment_service
    -- More reservations have ended than were settled so far. What is available may be taken meanwhile; the rest follows.
    ADD COLUMN is_settling boolean NOT NULL DEFAULT false,
    -- The total wraps around before it can overflow, so it says nothing by itself; what is available is checked.
    DROP CONSTRAINT environment_service_consumed_check;

-- Where something has ended that nobody has settled yet.
CREATE INDEX environment_service_first_expiry ON environment_service (first_expiry) WHERE first_expiry IS NOT NULL;

-- Calls with unknown keys: how many of a peer and a minute may have a row of the log, on all nodes together, and how many
-- were answered without. When the minute is over its row goes, and the log gets one that tells the number.
CREATE TABLE unknown_key_minute (
    peer     text NOT NULL,
    minute   timestamptz NOT NULL,
    logged   integer NOT NULL,
    unlogged bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (minute, peer)
);
