-- Calls of any HTTP method, and successes that ended with 1xx or 3xx. No row changes, and none is looked at: what was
-- allowed before still is.
ALTER TABLE request ADD COLUMN method_name text NOT NULL DEFAULT '';
COMMENT ON COLUMN request.method_name IS 'of a method that has no number';

DO $$
BEGIN
    EXECUTE (SELECT string_agg(format('ALTER TABLE request DROP CONSTRAINT %I', conname), ';')
               FROM pg_constraint
              WHERE conrelid = 'request'::regclass AND contype = 'c' AND pg_get_constraintdef(oid) ~ '(method|outcome)');
END $$;

-- 9: none of those that have a number; see method_name.
ALTER TABLE request ADD CONSTRAINT request_method_check CHECK (method BETWEEN 0 AND 9) NOT VALID;
ALTER TABLE request ADD CONSTRAINT request_outcome_check CHECK (
    CASE outcome
        WHEN 0 THEN status_code = 0
        WHEN 1 THEN status_code BETWEEN 100 AND 399
        WHEN 2 THEN status_code BETWEEN 400 AND 499
        WHEN 3 THEN status_code BETWEEN 500 AND 599
        ELSE outcome BETWEEN 11 AND 19 AND status_code = 401
    END) NOT VALID;
