-- How long a name may be is said in characters. A database without an encoding (SQL_ASCII) counts bytes for them, so they
-- are counted by the encoding that all texts have. No row changes.
ALTER TABLE service
    DROP CONSTRAINT service_name_check,
    DROP CONSTRAINT service_version_check,
    ADD CONSTRAINT service_name_check CHECK (length(convert_to(name, 'UTF8'), 'UTF8') BETWEEN 1 AND 255),
    ADD CONSTRAINT service_version_check CHECK (length(convert_to(version, 'UTF8'), 'UTF8') BETWEEN 1 AND 25);

ALTER TABLE client
    DROP CONSTRAINT client_name_check,
    DROP CONSTRAINT client_email_check,
    ADD CONSTRAINT client_name_check CHECK (length(convert_to(name, 'UTF8'), 'UTF8') BETWEEN 1 AND 255),
    ADD CONSTRAINT client_email_check CHECK (length(convert_to(email, 'UTF8'), 'UTF8') BETWEEN 1 AND 255);

ALTER TABLE project
    DROP CONSTRAINT project_name_check,
    ADD CONSTRAINT project_name_check CHECK (length(convert_to(name, 'UTF8'), 'UTF8') BETWEEN 1 AND 255);

ALTER TABLE environment
    DROP CONSTRAINT environment_name_check,
    ADD CONSTRAINT environment_name_check CHECK (length(convert_to(name, 'UTF8'), 'UTF8') BETWEEN 1 AND 255);

ALTER TABLE api_key
    DROP CONSTRAINT api_key_key_mask_check,
    ADD CONSTRAINT api_key_key_mask_check CHECK (length(convert_to(key_mask, 'UTF8'), 'UTF8') IN (3, 11));
