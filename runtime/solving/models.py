"""Which model writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runtime.providers.registry import ModelRegistry
from runtime.solving.errors import NoModel

if TYPE_CHECKING:
    from runtime.engine import Runtime
    from runtime.providers.base import ModelProvider


def chosen(runtime: Runtime, model: str | ModelProvider | None) -> ModelProvider:
    """The model itself, that of the id, or the only one that is configured. Raises `NoModel`,
    `ProviderError` for an id that is unknown or a table that is wrong."""
    provider = _found(runtime, model)
    if runtime.offline and not provider.local:
        raise NoModel(f"no stored function does this, and {provider.id} is not asked: offline",
                      hint="a model on this machine may be asked")  # fmt: skip
    return provider


def _found(runtime: Runtime, model: str | ModelProvider | None) -> ModelProvider:
    if model is not None and not isinstance(model, str):
        return model
    delegation = runtime.delegation
    registry = delegation.registry if delegation is not None else ModelRegistry()
    if model is None:
        configured = sorted(delegation.policy.models) if delegation is not None else []
        if len(configured) != 1:
            raise NoModel(
                "no stored function does this, and no model is named to write it", hint=_hint(configured)
            )
        model = configured[0]
    return registry.get(model)


def _hint(configured: list[str]) -> str:
    if configured:
        return f"--model, one of: {', '.join(configured)}"
    return "--model and a delegation.toml with a table [models.ID], see docs/solve.md"
