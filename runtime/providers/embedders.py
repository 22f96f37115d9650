"""Embedders by a word of configuration: ``lexical``, a GGUF file, or a server and the model it has.

``https://models.example/v1#small-embedder`` is the model ``small-embedder`` of the server below that address.
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urldefrag

from runtime.meaning.embedding import Embedder, Lexical
from runtime.providers.errors import Misconfigured

LEXICAL = "lexical"
VARIABLE = "RTFSC_EMBEDDER"
KEY_VARIABLE = "RTFSC_EMBEDDER_KEY"


def check_embedder(name: str) -> None:
    """Raises `Misconfigured` for what names no embedder. Nothing is opened."""
    url, model = urldefrag(name)
    if name == LEXICAL or (name.endswith(".gguf") and "://" not in name):
        return
    if not url.startswith(("http://", "https://")):
        hint = '"lexical", a .gguf file, or https://SERVER/v1#MODEL'
        raise Misconfigured(name, f"there is no embedder {name!r:.80}", hint=hint)
    if not model:
        raise Misconfigured(
            name, f"the address of the embedder {url:.80} names no model", hint=f"{url}#MODEL"
        )


def open_embedder(name: str, *, base: Path | None = None, key_env: str | None = None) -> Embedder:
    """``base``: what the path of a file is relative to; ``key_env``: environment variable with the key of the
    server. Raises `Misconfigured`."""
    check_embedder(name)
    if name == LEXICAL:
        return Lexical()
    if name.endswith(".gguf") and "://" not in name:
        from runtime.providers.gguf_embedder import GgufEmbedder

        return GgufEmbedder((base or Path()) / Path(name).expanduser())
    from runtime.providers.embeddings import HttpEmbedder

    url, model = urldefrag(name)
    return HttpEmbedder(url=url, model=model, key_env=key_env)


def configured_embedder() -> Embedder:
    """The one that the user's environment names, else the lexical one. It cannot come from a project: what
    functions are for would be told to whatever server a project names."""
    name = os.environ.get(VARIABLE) or LEXICAL
    return open_embedder(name, key_env=KEY_VARIABLE if os.environ.get(KEY_VARIABLE) else None)
