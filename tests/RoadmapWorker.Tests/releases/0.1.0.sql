CREATE TABLE IF NOT EXISTS "__EFMigrationsHistory" (
    "MigrationId" character varying(150) NOT NULL,
    "ProductVersion" character varying(32) NOT NULL,
    CONSTRAINT "PK___EFMigrationsHistory" PRIMARY KEY ("MigrationId")
);

START TRANSACTION;
CREATE TABLE jobs (
    task_id uuid NOT NULL,
    kind text NOT NULL,
    tenant text NOT NULL,
    subject text NOT NULL,
    status text NOT NULL,
    stage text NOT NULL,
    progress integer NOT NULL,
    priority integer NOT NULL,
    input json NOT NULL,
    events integer NOT NULL,
    attempt integer NOT NULL,
    owner uuid,
    epoch integer NOT NULL,
    run_after timestamp with time zone NOT NULL,
    timeout interval NOT NULL,
    deadline timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    started_at timestamp with time zone,
    claimed_at timestamp with time zone,
    updated_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    cancel_requested_at timestamp with time zone,
    error_code text,
    error_message text,
    idempotency_key text,
    fingerprint bytea,
    traceparent text,
    CONSTRAINT pk_jobs PRIMARY KEY (task_id)
);

CREATE TABLE owners (
    id uuid NOT NULL,
    lease_until timestamp with time zone NOT NULL,
    CONSTRAINT pk_owners PRIMARY KEY (id)
);

CREATE TABLE execution_logs (
    task_id uuid NOT NULL,
    epoch integer NOT NULL,
    stage text NOT NULL,
    attempt integer NOT NULL,
    worker text NOT NULL,
    started_at timestamp with time zone NOT NULL,
    duration_ms integer NOT NULL,
    prompt_tokens integer NOT NULL,
    completion_tokens integer NOT NULL,
    outcome text NOT NULL,
    error text,
    calls json,
    CONSTRAINT pk_execution_logs PRIMARY KEY (task_id, epoch, stage),
    CONSTRAINT fk_execution_logs_jobs_task_id FOREIGN KEY (task_id) REFERENCES jobs (task_id) ON DELETE CASCADE
);

CREATE TABLE job_events (
    task_id uuid NOT NULL,
    seq integer NOT NULL,
    status text NOT NULL,
    stage text NOT NULL,
    progress integer NOT NULL,
    part text,
    error_message text,
    at timestamp with time zone NOT NULL,
    CONSTRAINT pk_job_events PRIMARY KEY (task_id, seq),
    CONSTRAINT fk_job_events_jobs_task_id FOREIGN KEY (task_id) REFERENCES jobs (task_id) ON DELETE CASCADE
);

CREATE TABLE job_stages (
    task_id uuid NOT NULL,
    stage text NOT NULL,
    part text NOT NULL,
    body json NOT NULL,
    completed_at timestamp with time zone NOT NULL,
    epoch integer NOT NULL DEFAULT 0,
    prompt_tokens integer NOT NULL DEFAULT 0,
    completion_tokens integer NOT NULL DEFAULT 0,
    CONSTRAINT pk_job_stages PRIMARY KEY (task_id, stage, part),
    CONSTRAINT fk_job_stages_jobs_task_id FOREIGN KEY (task_id) REFERENCES jobs (task_id) ON DELETE CASCADE
);

CREATE UNIQUE INDEX ix_jobs_one_key_once ON jobs (tenant, subject, kind, idempotency_key) WHERE idempotency_key IS NOT NULL;

CREATE INDEX ix_jobs_open ON jobs (tenant, subject) WHERE ended_at IS NULL;

CREATE INDEX ix_jobs_queue ON jobs (priority, run_after) WHERE status = 'queued';

CREATE INDEX ix_jobs_running ON jobs (owner) WHERE status = 'running';

CREATE INDEX ix_jobs_tenant_subject_kind_task_id ON jobs (tenant, subject, kind, task_id);

INSERT INTO "__EFMigrationsHistory" ("MigrationId", "ProductVersion")
VALUES ('20261130120000_Initial', '10.0.15');

COMMIT;

