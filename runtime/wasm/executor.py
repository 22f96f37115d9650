"""Runs wasm32 artifacts: the executor behind the entry point ``rtfsc.executors``."""

from __future__ import annotations

import hashlib
import platform
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from backend_wasm.layout import ABI_MAJOR, ABI_MINOR
from backend_wasm.sections import (
    INTERFACE,
    SITES,
    MalformedModule,
    check_standalone,
    interface_of,
    read_sections,
    sites_of,
)
from runtime.host.access import stay_here
from runtime.values.errors import Frame, Place
from runtime.values.limits import Limits
from runtime.values.turns import TopLevel
from runtime.wasm.errors import ModuleRejected
from runtime.wasm.linking import plan
from runtime.wasm.native_cache import NativeCache
from runtime.wasm.spans import Spans

if TYPE_CHECKING:
    from runtime.host.access import HostCallable
    from runtime.wasm.engine import Code
    from runtime.wasm.machine import Machine
    from runtime.wasm.slow import SlowInstance

MAX_MODULE_BYTES: Final = 64 << 20
RT: Final = Path(__file__).resolve().parents[2] / "backend_wasm" / "rt.wasm"
_MOST_KEPT: Final = 128
_NONE: Final[Mapping[str, bytes]] = {}


@dataclass(frozen=True, slots=True)
class Artifact:
    """A compiled module with what its sections say."""

    code: Code
    interface: dict[str, Any]
    spans: Sequence[Place]

    @property
    def standalone(self) -> bool:
        """Whether the runtime library is part of the module."""
        return bool(self.interface.get("standalone"))


class _Kept(NamedTuple):
    """What stays of an artifact for its next instance. Of the interface that is the text: what is read of it
    are dozens of containers, at which Python's collector would look again and again."""

    code: Code
    sections: dict[str, bytes]


class Uncompiled:
    """An artifact of which only the sections were read."""

    def __init__(self, artifact: bytes) -> None:
        self.artifact = artifact
        self.interface, self.spans = read(artifact)


class WasmExecutor:
    """Instantiates artifacts of target ``wasm32`` (`rtfsc.backend.BytecodeExecutor`).

    ``cache_folder``: where machine code is kept, None for the user's own cache folder. Where wasmtime
    cannot be called directly, instances go through wasmtime-py: see `runtime.wasm.bridge`.
    """

    target = "wasm32"

    def __init__(self, cache_folder: Path | None = None) -> None:
        self._cache_folder = cache_folder
        self._caches: dict[bool, NativeCache] = {}
        self._rt: dict[bool, Code] = {}
        self._kept: OrderedDict[tuple[bytes, bool], _Kept] = OrderedDict()

    def instantiate(
        self,
        artifact: bytes,
        *,
        limits: Limits | None = None,
        spans: Sequence[Place] | None = None,
        names: Sequence[str] | None = None,
        host: HostCallable | None = None,
        modules: Mapping[str, bytes] = _NONE,
    ) -> Instance | SlowInstance:
        """A fresh instance; its top level has not run yet. ``host``: what it may do outside; None denies
        every capability. ``modules``: by name, those that a module compiled separately links to; whoever
        calls this has made sure that they may share a memory. Raises `ModuleRejected`."""
        instance = self._made(artifact, limits or Limits(), spans, names, host, modules)
        if guards := instance.interface.get("guards"):
            stay_here(instance, len(guards))
        return instance

    def _made(
        self,
        artifact: bytes,
        limits: Limits,
        spans: Sequence[Place] | None,
        names: Sequence[str] | None,
        host: HostCallable | None,
        modules: Mapping[str, bytes],
    ) -> Instance | SlowInstance:
        from runtime.wasm.bridge import direct

        if not direct(lambda wasm: self._compile(wasm, hashlib.sha256(wasm).digest(), False)):
            from runtime.wasm.slow import SlowInstance

            described = Uncompiled(artifact)
            planned = plan(described, modules, Uncompiled)
            return SlowInstance(
                RT.read_bytes(), artifact, described.interface, limits,
                planned.spans if spans is None else spans, planned.names if names is None else names, host,
                [(name, library.artifact) for name, library in planned.libraries], planned.library_names,
            )  # fmt: skip
        from runtime.wasm.machine import Machine

        fuel = limits.fuel is not None
        loaded = self.load(artifact, fuel=fuel)
        planned = plan(loaded, modules, lambda data: self.load(data, fuel=fuel))
        libraries = tuple((name, library.code) for name, library in planned.libraries)
        rt = None if loaded.standalone else self._rt_code(fuel)
        machine = Machine(rt, loaded.code, limits, libraries)
        machine.host = host
        machine.spans = spans if spans is not None else planned.spans
        own_names = list(names) if names is not None else planned.names
        return Instance(machine, loaded, own_names, tuple(planned.library_names))

    def load(self, artifact: bytes, *, fuel: bool = False) -> Artifact:
        """The compiled module, from this process, the native cache or the compiler, in this order."""
        key = (hashlib.sha256(artifact).digest(), fuel)
        kept = self._kept.get(key)
        if kept is None:
            interface, sections = _read(artifact)
            kept = self._kept[key] = _Kept(self._compile(artifact, key[0], fuel), sections)
            if len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
        else:
            interface = interface_of(kept.sections)
            self._kept.move_to_end(key)
        return Artifact(kept.code, interface, Spans(kept.sections))

    def cache(self, fuel: bool = False) -> NativeCache:
        """The cache of machine code for one engine."""
        if fuel not in self._caches:
            from runtime.wasm.capi import library
            from runtime.wasm.engine import CONFIG

            setup = f"{library()[1]};{CONFIG};fuel={fuel};{platform.machine()};{_processor()}"
            self._caches[fuel] = NativeCache(setup, self._cache_folder)
        return self._caches[fuel]

    def _rt_code(self, fuel: bool) -> Code:
        if fuel not in self._rt:
            wasm = RT.read_bytes()
            self._rt[fuel] = self._compile(wasm, hashlib.sha256(wasm).digest(), fuel)
        return self._rt[fuel]

    def _compile(self, wasm: bytes, digest: bytes, fuel: bool) -> Code:
        from runtime.wasm.engine import engine

        cache, made_by = self.cache(fuel), engine(fuel)
        native = cache.get(digest)
        if native is not None:
            try:
                return made_by.restore(native)
            except ValueError:  # of another build of wasmtime
                cache.drop(digest)
        code = made_by.compile(wasm)
        cache.put(digest, code.native())
        return code


def read(artifact: bytes) -> tuple[dict[str, Any], Spans]:
    """(interface, spans per site) of an artifact of our ABI; raises `ModuleRejected`."""
    interface, sections = _read(artifact)
    return interface, Spans(sections)


def _read(artifact: bytes) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The interface, and the sections that say it and the spans, all checked."""
    if len(artifact) > MAX_MODULE_BYTES:
        raise ModuleRejected(f"the module has {len(artifact)} bytes, more than {MAX_MODULE_BYTES}")
    try:
        sections = read_sections(artifact)
        interface = interface_of(sections)
        if interface.get("standalone"):
            check_standalone(artifact)
        major, minor = interface["abi"]
        if major != ABI_MAJOR or minor > ABI_MINOR:
            raise ModuleRejected(
                f"the module is of ABI {major}.{minor}, this host runs {ABI_MAJOR}.0 to {ABI_MAJOR}."
                f"{ABI_MINOR}",
                "W002",
                "build it again with this rtfsc, or use the one that built it",
            )
        sites_of(sections)
        return interface, {name: sections[name] for name in (INTERFACE, SITES)}
    except MalformedModule as error:
        raise ModuleRejected(f"not an RTFS module: {error}") from None


def _processor() -> str:
    """Tells processors apart: machine code may use what another one lacks."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith(("flags", "Features")):
                    return hashlib.sha256(line.encode()).hexdigest()[:16]
    except OSError:
        pass
    return platform.processor()


class Instance:
    """A module in memory (`rtfsc.backend.Instance`). Its top level runs at first use, once.

    One thread is in it at a time; a second one waits. Errors of the program raise `RtfsError`.
    """

    def __init__(
        self, machine: Machine, artifact: Artifact, names: list[Any], libraries: tuple[list[Any], ...] = ()
    ) -> None:
        self._machine, self._artifact, self._names = machine, artifact, names
        self._library_names = libraries
        self._top_level: TopLevel[int] = TopLevel()
        self._exports = {entry["name"]: entry for entry in artifact.interface["exports"]}
        self._functions: dict[str, Callable[..., Any]] = {}

    @property
    def locate(self) -> Callable[[list[int]], Sequence[Frame]] | None:
        """Tells what bytes of the module are, for errors that stop it; None if not known."""
        return self._machine.locate

    @locate.setter
    def locate(self, locate: Callable[[list[int]], Sequence[Frame]] | None) -> None:
        self._machine.locate = locate

    @contextmanager
    def profiled(self) -> Iterator[list[bytes]]:
        """Takes samples in the body; the list has the profile then (see `Machine.finish_profile`)."""
        taken: list[bytes] = []
        self._machine.start_profile()
        try:
            yield taken
        finally:
            taken.append(self._machine.finish_profile())

    @property
    def interface(self) -> dict[str, Any]:
        """The section ``rtfs.interface``."""
        return self._artifact.interface

    @property
    def memory_bytes(self) -> int:
        """Bytes of memory that are in use now, garbage included."""
        return self._machine.memory_bytes

    def router(self) -> Callable[[int, bool], None]:
        """Says, from any thread and at any time, whether calls of the guarded function of a number
        (`rtfsc.ir.routes`) stay here without asking the host. It does not keep the instance."""
        found = weakref.ref(self._machine)

        def route(number: int, here: bool) -> None:
            inner = found()
            if inner is not None:
                inner.route(number, here)

        return route

    def start(self) -> None:
        """Evaluates the top level (once) and drops its value."""
        self._start()

    def run(self) -> Any:
        """Evaluates the top level (once) and returns the value of the last form."""
        return self._machine.convert(self._start())

    def run_printed(self) -> str:
        """Like `run`, with the value in printed RTFS form."""
        return self._machine.printed(self._start())

    def function(self, name: str) -> Callable[..., Any]:
        """The exported function; ``KeyError`` if there is none of this name."""
        found = self._functions.get(name)
        if found is None:
            from runtime.wasm.export import Export

            entry = self._entry(name, "function")
            self._start()
            found = self._functions[name] = Export(self._machine, entry)
        return found

    def value(self, name: str) -> Any:
        """The exported global; ``KeyError`` if there is none of this name."""
        self._entry(name, "value")
        self._start()
        return self._machine.call(f"={name}")

    def close(self) -> None:
        """Frees the memory of the instance. Functions and handles of it raise `InstanceClosed` then."""
        self._machine.close()

    def __enter__(self) -> Instance:
        return self

    def __exit__(self, *unused: object) -> None:
        self.close()

    def _entry(self, name: str, kind: str) -> dict[str, Any]:
        entry: dict[str, Any] | None = self._exports.get(name)
        if entry is None or entry["kind"] != kind:
            raise KeyError(name)
        return entry

    def _start(self) -> int:
        return self._top_level.value(self._initialise)

    def _initialise(self) -> int:
        return self._machine.initialise(self._names, self._library_names)
