"""The schema of the PostgreSQL index, as steps.  A step is never changed once released; the table
``rtfs_schema`` says how many were taken.  What the tables mean is in `runtime.store.migrations`."""

from __future__ import annotations

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """
        CREATE TABLE rtfs_modules (
            id                   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            name                 text NOT NULL,
            version              text NOT NULL,
            doc                  text NOT NULL,
            target               text NOT NULL,
            level                text NOT NULL,
            compiler_fingerprint text NOT NULL,
            action_key           text NOT NULL UNIQUE,
            interface_hash       text NOT NULL,
            source_digest        text,
            storage_pointer      text NOT NULL,
            source_pointer       text,
            ir_pointer           text,
            signature            text NOT NULL,
            signer               text NOT NULL,
            validation_status    text NOT NULL
                CHECK (validation_status IN ('Pending', 'Verified', 'Revoked')),
            status_reason        text NOT NULL DEFAULT '',
            creation_timestamp   bigint NOT NULL,
            last_used_timestamp  bigint,
            use_count            bigint NOT NULL DEFAULT 0,
            serial               bigint NOT NULL,
            pinned               boolean NOT NULL DEFAULT false,
            UNIQUE (name, serial)
        )
        """,
        """
        CREATE TABLE rtfs_exports (
            module_id      bigint NOT NULL REFERENCES rtfs_modules (id) ON DELETE CASCADE,
            position       integer NOT NULL,
            name           text NOT NULL,
            kind           text NOT NULL,
            def_hash       text NOT NULL,
            interface_hash text NOT NULL,
            retrieval_key  text NOT NULL,
            effects        text NOT NULL,
            PRIMARY KEY (module_id, position)
        )
        """,
        "CREATE INDEX rtfs_modules_source ON rtfs_modules (source_digest)",
        "CREATE INDEX rtfs_modules_storage ON rtfs_modules (storage_pointer)",
        "CREATE INDEX rtfs_exports_retrieval ON rtfs_exports (retrieval_key)",
        "CREATE INDEX rtfs_exports_interface ON rtfs_exports (interface_hash)",
        "CREATE INDEX rtfs_exports_definition ON rtfs_exports (def_hash)",
        """
        CREATE TABLE rtfs_names (
            name           text PRIMARY KEY,
            last_serial    bigint NOT NULL,
            current_serial bigint
        )
        """,
        """
        CREATE TABLE rtfs_meanings (
            module_id      bigint NOT NULL REFERENCES rtfs_modules (id) ON DELETE CASCADE,
            export         text NOT NULL,
            interface_hash text NOT NULL,
            embedder       text NOT NULL,
            text           text NOT NULL,
            vector         vector NOT NULL,
            PRIMARY KEY (module_id, export, embedder)
        )
        """,
        "CREATE INDEX rtfs_meanings_group ON rtfs_meanings (interface_hash, embedder)",
        "CREATE TABLE rtfs_log (sequence bigint PRIMARY KEY, leaf bytea NOT NULL)",
        """
        CREATE TABLE rtfs_hits (
            id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            time_ms      bigint NOT NULL,
            request_kind text NOT NULL,
            request_key  text NOT NULL,
            module_id    bigint,
            digest       text,
            outcome      text NOT NULL,
            score        double precision,
            detail       text NOT NULL
        )
        """,
        "CREATE INDEX rtfs_hits_time ON rtfs_hits (time_ms)",
    ),
    (
        # Which groups of meanings have a graph, see `runtime.store.postgres_groups`.
        """
        CREATE TABLE rtfs_graphs (
            interface_hash text NOT NULL,
            embedder       text NOT NULL,
            dimensions     integer NOT NULL,
            PRIMARY KEY (interface_hash, embedder, dimensions)
        )
        """,
    ),
)

SCHEMA = len(MIGRATIONS)
