"""A loaded module as Python sees it: its exports are attributes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runtime.obs.events import Emit, span


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a module came from. ``origin``: ``compiled``, ``store`` or ``file``; ``digest``: SHA-256 of
    its bytes in hex; ``signer``: id of the key whose signature was verified, None if there was none."""

    origin: str
    engine: str
    digest: str | None = None
    signer: str | None = None


class Observed:
    """An exported function whose calls are told of."""

    def __init__(self, function: Callable[..., Any], name: str, emit: Emit, provenance: Provenance) -> None:
        self.__wrapped__, self.__name__, self.__doc__ = function, name, function.__doc__
        self._emit, self._target, self._module = emit, provenance.engine, provenance.digest

    def __call__(self, *arguments: Any) -> Any:
        with span(
            self._emit, "call.done", "call.failed",
            function=self.__name__, target=self._target, module=self._module,
        ):  # fmt: skip
            return self.__wrapped__(*arguments)

    def call_async(self, *arguments: Any, deadline_ms: int | None = None) -> Any:
        """Awaitable: see `runtime.asynchronous.call_async`."""
        from runtime.asynchronous import call_async

        return call_async(self, arguments, deadline_ms)

    def __getattr__(self, attribute: str) -> Any:
        return getattr(self.__wrapped__, attribute)

    def __repr__(self) -> str:
        return repr(self.__wrapped__)


class Module:
    """Exports by name: ``module.fib(30)``, ``module["price-order"](…)``; an underscore in an attribute
    stands for a hyphen where no export is spelt with the underscore. Functions keep the instance busy
    while they run; `close` frees it (also at the end of a ``with`` block)."""

    def __init__(
        self,
        instance: Any,
        exports: Mapping[str, Mapping[str, Any]],
        provenance: Provenance,
        names: Mapping[str, str] | None = None,
        emit: Emit | None = None,
        recorder: Any = None,
        wrap: Callable[[str, Callable[..., Any]], Callable[..., Any]] | None = None,
    ) -> None:
        """``names``: what the instance calls an export, where that differs from its name here. ``emit``: told
        of calls, if it is listening when a function is looked up. ``recorder``: puts calls on record
        (`runtime.chain.recorder.Recorder`). ``wrap``: what is done with a function before it is handed out,
        given its name."""
        self.__rtfs_instance__ = instance
        self.__rtfs_exports__ = exports
        self.__rtfs_names__ = names or {}
        self.__rtfs_warnings__: Sequence[Any] = ()
        self.__rtfs_sources__: Mapping[str, Any] = {}
        self.__provenance__ = provenance
        self.__rtfs_emit__, self.__rtfs_wrap__ = emit, wrap
        self._recorder = recorder

    def __getitem__(self, name: str) -> Any:
        export = self.__rtfs_exports__.get(name)
        if export is None:
            raise KeyError(name)
        own = self.__rtfs_names__.get(name, name)
        if export["kind"] == "function":
            function = self.__rtfs_instance__.function(own)
            if own != name:
                function.__name__ = name  # what messages call it
            if self.__rtfs_wrap__ is not None:
                function = self.__rtfs_wrap__(name, function)
            if self._recorder is not None:
                function = self._recorder.function(function, own)
            return (
                Observed(function, name, self.__rtfs_emit__, self.__provenance__)
                if self.__rtfs_emit__
                else function
            )
        return self.__rtfs_instance__.value(own)

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        for name in (attribute, attribute.replace("_", "-"), attribute.replace("_", "-") + "?"):
            if name in self.__rtfs_exports__:
                value = self[name]
                # Later look-ups of this attribute then cost what any attribute costs.
                self.__dict__[attribute] = value
                return value
        known = ", ".join(sorted(self.__rtfs_exports__)) or "none"
        raise AttributeError(f"module exports no '{attribute}'; exports: {known}")

    def __iter__(self) -> Iterator[str]:
        return iter(self.__rtfs_exports__)

    def __contains__(self, name: object) -> bool:
        return name in self.__rtfs_exports__

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *(name.rstrip("?").replace("-", "_") for name in self.__rtfs_exports__)]

    def __repr__(self) -> str:
        return f"<rtfsc module with {', '.join(self.__rtfs_exports__) or 'no exports'}>"

    def __enter__(self) -> Module:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def __rtfs_memory__(self) -> int:
        """Bytes of the instance's memory that are in use now, garbage included."""
        used: int = self.__rtfs_instance__.memory_bytes
        return used

    def close(self) -> None:
        """Frees the instance; its functions raise afterwards. Idempotent."""
        self.__rtfs_instance__.close()
