"""Real servers for tests and for trying things out: PostgreSQL with pgvector, S3, Azure's blobs, Redis, NATS.

They need no installation and no accounts, listen on 127.0.0.1 with secrets of their own, and end with
whoever started them. ``scripts/services`` is the command, `services.client` is for tests.
"""


class Unavailable(Exception):
    """This machine cannot have the server; the message says why."""
