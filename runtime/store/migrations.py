"""The schema of the SQLite index, as steps.  A step is never changed once released; ``user_version`` of
the database says how many were taken."""

from __future__ import annotations

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """
        CREATE TABLE rtfs_modules (
            id                   INTEGER PRIMARY KEY,
            name                 TEXT NOT NULL,
            version              TEXT NOT NULL,
            doc                  TEXT NOT NULL,
            target               TEXT NOT NULL,
            level                TEXT NOT NULL,
            compiler_fingerprint TEXT NOT NULL,
            action_key           TEXT NOT NULL UNIQUE,
            interface_hash       TEXT NOT NULL,
            source_digest        TEXT,
            storage_pointer      TEXT NOT NULL,
            source_pointer       TEXT,
            ir_pointer           TEXT,
            semantic_embedding   BLOB,
            embedder             TEXT,
            signature            TEXT NOT NULL,
            signer               TEXT NOT NULL,
            validation_status    TEXT NOT NULL
                CHECK (validation_status IN ('Pending', 'Verified', 'Revoked')),
            status_reason        TEXT NOT NULL DEFAULT '',
            creation_timestamp   INTEGER NOT NULL,
            last_used_timestamp  INTEGER,
            use_count            INTEGER NOT NULL DEFAULT 0
        )
        """,
        """
        CREATE TABLE rtfs_exports (
            module_id      INTEGER NOT NULL REFERENCES rtfs_modules (id) ON DELETE CASCADE,
            position       INTEGER NOT NULL,
            name           TEXT NOT NULL,
            kind           TEXT NOT NULL,
            def_hash       TEXT NOT NULL,
            interface_hash TEXT NOT NULL,
            retrieval_key  TEXT NOT NULL,
            effects        TEXT NOT NULL,
            PRIMARY KEY (module_id, position)
        ) WITHOUT ROWID
        """,
        "CREATE INDEX rtfs_modules_source ON rtfs_modules (source_digest)",
        "CREATE INDEX rtfs_modules_storage ON rtfs_modules (storage_pointer)",
        "CREATE INDEX rtfs_exports_retrieval ON rtfs_exports (retrieval_key)",
        "CREATE INDEX rtfs_exports_interface ON rtfs_exports (interface_hash)",
        "CREATE INDEX rtfs_exports_definition ON rtfs_exports (def_hash)",
    ),
    (
        # Serials are kept apart from the entries, so that one that was removed is never given again.
        "ALTER TABLE rtfs_modules ADD COLUMN serial INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE rtfs_modules ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0",
        """
        UPDATE rtfs_modules SET serial = (
            SELECT count(*) FROM rtfs_modules older
            WHERE older.name = rtfs_modules.name AND older.id <= rtfs_modules.id
        )
        """,
        "CREATE UNIQUE INDEX rtfs_modules_serial ON rtfs_modules (name, serial)",
        """
        CREATE TABLE rtfs_names (
            name           TEXT PRIMARY KEY,
            last_serial    INTEGER NOT NULL,
            current_serial INTEGER
        ) WITHOUT ROWID
        """,
        "INSERT INTO rtfs_names SELECT name, max(serial), NULL FROM rtfs_modules GROUP BY name",
        # Takes the place of the columns semantic_embedding and embedder: meanings belong to exports.
        """
        CREATE TABLE rtfs_meanings (
            module_id      INTEGER NOT NULL REFERENCES rtfs_modules (id) ON DELETE CASCADE,
            export         TEXT NOT NULL,
            interface_hash TEXT NOT NULL,
            embedder       TEXT NOT NULL,
            text           TEXT NOT NULL,
            vector         BLOB NOT NULL,
            PRIMARY KEY (module_id, export, embedder)
        )
        """,
        "CREATE INDEX rtfs_meanings_group ON rtfs_meanings (interface_hash, embedder)",
        "CREATE TABLE rtfs_log (sequence INTEGER PRIMARY KEY, leaf BLOB NOT NULL)",
        """
        CREATE TABLE rtfs_hits (
            id           INTEGER PRIMARY KEY AUTOINCREMENT,
            time_ms      INTEGER NOT NULL,
            request_kind TEXT NOT NULL,
            request_key  TEXT NOT NULL,
            module_id    INTEGER,
            digest       TEXT,
            outcome      TEXT NOT NULL,
            score        REAL,
            detail       TEXT NOT NULL
        )
        """,
        "CREATE INDEX rtfs_hits_time ON rtfs_hits (time_ms)",
    ),
    (
        # How large each group of meanings is, and a number that changes with it: who keeps a group in
        # memory sees at once whether it is still the same.
        """
        CREATE TABLE rtfs_groups (
            interface_hash TEXT NOT NULL,
            embedder       TEXT NOT NULL,
            version        INTEGER NOT NULL,
            size           INTEGER NOT NULL,
            PRIMARY KEY (interface_hash, embedder)
        ) WITHOUT ROWID
        """,
        """
        INSERT INTO rtfs_groups
        SELECT interface_hash, embedder, 1, count(*) FROM rtfs_meanings GROUP BY interface_hash, embedder
        """,
        """
        CREATE TRIGGER rtfs_meanings_added AFTER INSERT ON rtfs_meanings BEGIN
            INSERT INTO rtfs_groups VALUES (NEW.interface_hash, NEW.embedder, 1, 1)
            ON CONFLICT DO UPDATE SET version = version + 1, size = size + 1;
        END
        """,
        """
        CREATE TRIGGER rtfs_meanings_removed AFTER DELETE ON rtfs_meanings BEGIN
            UPDATE rtfs_groups SET version = version + 1, size = size - 1
            WHERE interface_hash = OLD.interface_hash AND embedder = OLD.embedder;
        END
        """,
        """
        CREATE TRIGGER rtfs_modules_status AFTER UPDATE OF validation_status ON rtfs_modules BEGIN
            UPDATE rtfs_groups SET version = version + 1 WHERE (interface_hash, embedder) IN (
                SELECT interface_hash, embedder FROM rtfs_meanings WHERE module_id = NEW.id
            );
        END
        """,
    ),
)

SCHEMA = len(MIGRATIONS)
