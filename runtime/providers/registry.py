"""Models by id: those given to a runtime, those configured, and those of installed packages.

A configured model is a table, in TOML::

    [models.phi-mini]
    provider = "llama_cpp"
    path = "models/phi.gguf"

``provider`` is one of ours or the name of an entry point in the group ``rtfsc.providers``; the other keys
are the options of that provider. Its loader is called as ``load(id, **options)``. With ``record = "FILE"``
what the model is asked and answers is appended to that file, which the provider ``record`` answers from.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rtfsc.diagnostics.suggest import meant_or_known
from runtime.providers.base import ModelProvider
from runtime.providers.errors import UnknownModel
from runtime.providers.options import FILES, model_of

_BUILT_IN = {"echo-model": {"provider": "echo"}}
"""Models that are always there."""


class ModelRegistry:
    """Safe to use from several threads; a model is made when it is first asked for."""

    def __init__(self, tables: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        self._tables: dict[str, Mapping[str, Any]] = {**_BUILT_IN, **(tables or {})}
        self._models: dict[str, ModelProvider] = {}
        self._given: set[str] = set()
        self._lock = threading.Lock()

    def register(self, model: ModelProvider) -> None:
        """Replaces a model of the same id."""
        with self._lock:
            self._models[model.id] = model
            self._given.add(model.id)

    def configure(self, tables: Mapping[str, Mapping[str, Any]]) -> list[ModelProvider]:
        """Other tables from now on: models whose table is another one or is gone are made anew when they are
        asked for. Those that were registered stay. Returns those that are to be closed."""
        with self._lock:
            old, self._tables = self._tables, {**_BUILT_IN, **tables}
            changed = [id for id in old if old[id] != self._tables.get(id) and id not in self._given]
            return [self._models.pop(id) for id in changed if id in self._models]

    def get(self, id: str) -> ModelProvider:
        """Raises `UnknownModel`, `Misconfigured`."""
        with self._lock:
            model = self._models.get(id)
            if model is None:
                model = self._models[id] = self._made(id)
            return model

    def __contains__(self, id: object) -> bool:
        return id in self._models or id in self._tables

    def ids(self) -> list[str]:
        return sorted({*self._models, *self._tables})

    def provider_of(self, id: str) -> str:
        """Name of the provider that the model is configured with, "given" for one that was registered."""
        if id in self._models and id not in self._tables:
            return "given"
        return str(self._tables.get(id, {}).get("provider", "?"))

    def close(self) -> None:
        """Closes what was made; the registry can be used again."""
        with self._lock:
            models, self._models = self._models, {}
        close_all(models.values())

    def _made(self, id: str) -> ModelProvider:
        table = self._tables.get(id)
        if table is None:
            raise UnknownModel(id, f"there is no model {id!r}", hint=meant_or_known(id, self.ids()))
        return model_of(id, table)


def close_all(models: Iterable[ModelProvider]) -> None:
    """One of somebody else that cannot be closed keeps the others, and caches, from nothing."""
    for model in models:
        try:
            model.close()
        except Exception as error:
            logging.getLogger("rtfsc").warning("the model %s cannot be closed: %r", model.id, error)


def beside(file: Path, table: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a model, with names of files taken from the folder of ``file``."""
    names = {key for key in FILES & table.keys() if isinstance(table[key], str)}
    return {**table, **{key: str(file.parent / Path(table[key]).expanduser()) for key in names}}
