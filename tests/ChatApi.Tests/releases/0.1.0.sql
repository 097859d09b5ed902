CREATE TABLE IF NOT EXISTS "__EFMigrationsHistory" (
    "MigrationId" character varying(150) NOT NULL,
    "ProductVersion" character varying(32) NOT NULL,
    CONSTRAINT "PK___EFMigrationsHistory" PRIMARY KEY ("MigrationId")
);

START TRANSACTION;
CREATE TABLE conversations (
    id uuid NOT NULL,
    tenant text NOT NULL,
    owner text NOT NULL,
    title text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT pk_conversations PRIMARY KEY (id)
);

CREATE TABLE generation_chunks (
    generation_id uuid NOT NULL,
    byte_offset integer NOT NULL,
    body text NOT NULL,
    CONSTRAINT pk_generation_chunks PRIMARY KEY (generation_id, byte_offset)
);

CREATE TABLE owners (
    id uuid NOT NULL,
    lease_until timestamp with time zone NOT NULL,
    CONSTRAINT pk_owners PRIMARY KEY (id)
);

CREATE TABLE messages (
    id uuid NOT NULL,
    conversation_id uuid NOT NULL,
    position integer NOT NULL,
    role text NOT NULL,
    content text NOT NULL,
    status text NOT NULL,
    finish_reason text,
    usage jsonb,
    error jsonb,
    tutor_id integer,
    kb_id text,
    grounding text,
    sources jsonb,
    created_at timestamp with time zone NOT NULL,
    completed_at timestamp with time zone,
    CONSTRAINT pk_messages PRIMARY KEY (id),
    CONSTRAINT fk_messages_conversations_conversation_id FOREIGN KEY (conversation_id) REFERENCES conversations (id) ON DELETE CASCADE
);

CREATE TABLE generations (
    id uuid NOT NULL,
    owner uuid NOT NULL,
    epoch integer NOT NULL,
    engine_url text,
    started_at timestamp with time zone NOT NULL,
    stop_requested_at timestamp with time zone,
    stops_on_disconnect boolean NOT NULL,
    system_prompt text,
    traceparent text,
    ended_at timestamp with time zone,
    CONSTRAINT pk_generations PRIMARY KEY (id),
    CONSTRAINT fk_generations_messages_id FOREIGN KEY (id) REFERENCES messages (id) ON DELETE CASCADE
);

CREATE TABLE idempotency_keys (
    tenant text NOT NULL,
    owner text NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    message_id uuid NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT pk_idempotency_keys PRIMARY KEY (tenant, owner, key),
    CONSTRAINT fk_idempotency_keys_messages_message_id FOREIGN KEY (message_id) REFERENCES messages (id) ON DELETE CASCADE
);

CREATE INDEX ix_conversations_tenant_owner_updated_at_id ON conversations (tenant, owner, updated_at, id);

CREATE INDEX ix_generations_running ON generations (owner) WHERE ended_at IS NULL;

CREATE INDEX ix_idempotency_keys_created_at ON idempotency_keys (created_at);

CREATE INDEX ix_idempotency_keys_message_id ON idempotency_keys (message_id);

CREATE UNIQUE INDEX ix_messages_conversation_id_position ON messages (conversation_id, position);

CREATE UNIQUE INDEX ix_messages_one_answer_at_a_time ON messages (conversation_id) WHERE status = 'streaming';

INSERT INTO "__EFMigrationsHistory" ("MigrationId", "ProductVersion")
VALUES ('20261130120000_Initial', '10.0.15');

COMMIT;

