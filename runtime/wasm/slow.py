"""Instances through wasmtime-py, for versions of wasmtime whose C API the bridge does not know.

The same meaning as `runtime.wasm.machine` at some 20 µs a call, with one difference: only the boxed entries
are used.
"""

from __future__ import annotations

import ctypes
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, Final

import wasmtime

from backend_wasm import layout
from backend_wasm.sections import entry_name
from runtime.host.access import HostCallable, host_of
from runtime.values.atoms import HostFunction, List
from runtime.values.errors import (
    ErrorValue,
    Frame,
    Place,
    RtfsError,
    error_class,
    error_from_value,
    error_parts,
    limit_error,
)
from runtime.values.interruption import check as check_stopped
from runtime.values.interruption import waking
from runtime.values.limits import Limits, stress
from runtime.values.shapes import Shape, shape_of
from runtime.values.transit import decode_bytes, encode_bytes
from runtime.values.turns import TopLevel, Waiting
from runtime.wasm.errors import BUILD_HINT, IMPORT_HINT, InstanceClosed, ModuleRejected, arity_error
from runtime.wasm.interrupts import interruptible

_PREFIX: Final = "rtfs:"
_MODULES: Final = "rtfs/"
_STACK_BYTES: Final = 2 << 20
_MAX_MEMORY: Final = 0xFFFF0000
_NESTED: Final = 200
_TOO_DEEP: Final = "calls between Python and RTFS nest too deeply"
_MASK: Final = (1 << 64) - 1


class SlowInstance:
    """`rtfsc.backend.Instance` over wasmtime-py."""

    def __init__(self, rt: bytes, artifact: bytes, interface: dict[str, Any], limits: Limits,
                 spans: Sequence[Place], names: Sequence[str],
                 host: HostCallable | None = None, libraries: Sequence[tuple[str, bytes]] = (),
                 library_names: Sequence[list[Any]] = ()) -> None:  # fmt: skip
        self.host = host
        self.interface, self._limits, self._spans, self._names = interface, limits, spans, list(names)
        self._exports = {entry["name"]: entry for entry in interface["exports"]}
        self._hosts: list[Callable[..., Any]] = []
        self._lock, self._owner = threading.RLock(), 0
        self._depth = self._live = self._made = self._kept_hosts = 0
        self._dropped: list[int] = []
        self._closed = False
        self.locate: Callable[[list[int]], list[Frame]] | None = None
        """Tells what bytes of the module are, for errors that stop it; None if not known."""
        self._top_level: TopLevel[int] = TopLevel()
        self._store = wasmtime.Store(_engine(limits.fuel is not None))
        self._store.set_epoch_deadline(1)
        self._store.set_limits(memory_size=min(limits.memory_bytes, _MAX_MEMORY))
        if limits.fuel is not None:
            self._store.set_fuel(1 << 62)
        try:
            self._rt: Mapping[str, Any] = {}
            self._user: Mapping[str, Any] = {}
            self._linked: dict[str, dict[str, Any]] = {}
            if interface.get("standalone"):
                self._user = self._instantiated(artifact)
                own = [name for name in self._user if name.startswith(_PREFIX)]
                self._rt = {name.removeprefix(_PREFIX): self._user[name] for name in own}
            else:
                self._rt = self._instantiated(rt)
            if not isinstance(self._rt.get("memory"), wasmtime.Memory):
                raise ModuleRejected("rt exports no memory", "W004")
            self._memory: wasmtime.Memory = self._rt["memory"]
            self._write(layout.STATE_MAX, min(limits.memory_bytes, _MAX_MEMORY), 4)
            self._write(layout.STATE_STRESS, stress(), 4)
            self._rt_call("rt_init")
            for name, library in libraries:
                self._linked[name] = self._instantiated(library)
            self._starts = list(zip(self._linked.values(), library_names, strict=True))
            self._user = self._user or self._instantiated(artifact)
        except wasmtime.WasmtimeError as error:
            if "memory minimum size" in str(error):
                raise limit_error("MemoryLimit", limits.memory_bytes) from None
            raise ModuleRejected(f"the module cannot be loaded: {error}", _code(str(error))) from None

    def _instantiated(self, wasm: bytes) -> dict[str, Any]:
        """The exports of a fresh instance, by name."""
        module = wasmtime.Module(self._store.engine, wasm)
        imports = [self._import(wanted) for wanted in module.imports]
        return dict(wasmtime.Instance(self._store, module, imports).exports(self._store).items())

    # --- rtfsc.backend.Instance

    @property
    def memory_bytes(self) -> int:
        """Bytes of memory that are in use now, garbage included."""
        return 0 if self._closed else self._read(layout.STATE_HP, 4)

    def router(self) -> Callable[[int, bool], None]:
        """As of `runtime.wasm.executor.Instance`."""
        found = weakref.ref(self)

        def route(number: int, here: bool) -> None:
            inner = found()
            if inner is not None and not inner._closed and 0 <= number < layout.LIMITS_ROUTES:
                inner._write(layout.STATE_ROUTES + number, int(here), 1)

        return route

    def start(self) -> None:
        self._start()

    def run(self) -> Any:
        value = self._start()
        with self._entered():
            return self._unbox(value)

    def run_printed(self) -> str:
        value = self._start()
        with self._entered():
            return str(self._unbox(self._rt_call("rt_str_pr", value)))

    def function(self, name: str) -> Callable[..., Any]:
        entry = self._entry(name, "function")
        self._start()
        shapes = [shape_of(text) for text in entry["param_types"]]
        fixed, rest = len(entry["params"]) - entry["rest"], entry["rest"]
        code = self._export(entry_name(name))

        def call(*args: Any) -> Any:
            if len(args) < fixed or (len(args) > fixed and not rest):
                raise arity_error(call.__name__, fixed, rest, len(args))
            given = [*args[:fixed], List(args[fixed:])] if rest else list(args)
            return self._call(code, [(value, i, shapes[i]) for i, value in enumerate(given)])

        def call_async(*args: Any, deadline_ms: int | None = None) -> Any:
            """Awaitable: see `runtime.asynchronous.call_async`."""
            from runtime.asynchronous import call_async

            return call_async(call, args, deadline_ms)

        call.__name__, call.__doc__ = name, entry["doc"]
        call.owner, call.call_async = self, call_async  # type: ignore[attr-defined]
        return call

    def value(self, name: str) -> Any:
        self._entry(name, "value")
        self._start()
        return self._call(self._export(f"={name}"), [])

    def close(self) -> None:
        self._closed = True

    def __enter__(self) -> SlowInstance:
        return self

    def __exit__(self, *unused: object) -> None:
        self.close()

    # --- calls

    def _start(self) -> int:
        return self._top_level.value(self._initialise)

    def _initialise(self) -> int:
        with self._entered(keep=True):
            while self._starts:  # one that was stopped is evaluated anew, those before it are not
                library, names = self._starts[0]
                self._checked(self._invoke(library["$init"], self._box(names)))
                del self._starts[0]
            return self._checked(self._invoke(self._export("$init"), self._box(self._names)))

    def _call(self, code: Any, args: list[tuple[Any, int, Shape | None]]) -> Any:
        with self._entered():
            slots = [self._box(*arg) for arg in args]
            return self._unbox(self._checked(self._invoke(code, *slots)))

    @contextmanager
    def _entered(self, keep: bool = False) -> Iterator[None]:
        """One thread at a time; the stacks are restored after an error, the region is dropped at the end."""
        with self._turn():
            if self._closed:
                raise InstanceClosed("the instance is closed")
            if self._depth > _NESTED:
                raise RecursionError(_TOO_DEEP)
            depth = self._read(layout.STATE_DEPTH, 4)
            stack = self._rt["__stack_pointer"]
            top: int = stack.value(self._store)
            roots = self._read(layout.STATE_ROOTS, 4)
            hosts, made = len(self._hosts), self._made
            outermost = self._depth == 0
            timer = self._timer() if outermost else None
            self._depth += 1
            try:
                if timer is not None:
                    timer.start()
                wake = self._store.engine.increment_epoch
                with interruptible(wake) if outermost else nullcontext(), waking(wake):
                    yield
                if keep:
                    self._kept_hosts = len(self._hosts)
                    self._write(layout.STATE_MARK, (self._read(layout.STATE_HP, 4) + 7) & ~7, 4)
                    self._write(layout.STATE_FRESH, 0, 4)
            except BaseException:
                self._write(layout.STATE_DEPTH, depth, 4)
                self._write(layout.STATE_ROOTS, roots, 4)
                stack.set_value(self._store, top)
                check_stopped()
                raise
            finally:
                self._depth -= 1
                if timer is not None:
                    timer.cancel()
                if self._depth == 0:
                    self._store.set_epoch_deadline(1)
                    self._drop_region()
                if self._made == made and not keep:  # only handles that were made since can refer to them
                    del self._hosts[hosts:]

    @contextmanager
    def _turn(self) -> Iterator[None]:
        waiting = None
        try:
            while not self._lock.acquire(blocking=False):
                waiting = waiting or Waiting()
                waiting.round(self._owner)
        finally:
            if waiting is not None:
                waiting.close()
        try:
            self._owner = threading.get_ident()
            yield
        except ctypes.ArgumentError as error:  # what ctypes makes of the end of Python's stack
            raise RecursionError(_TOO_DEEP) from error
        finally:
            self._lock.release()

    def _drop_region(self) -> None:
        """What handles need stays, moved together."""
        dropped, self._dropped = self._dropped, []
        for handle in dropped:
            self._live -= 1
            self._rt_call("rt_handle_close", handle)
        if self._live:
            self._rt_call("rt_evacuate")
        else:
            self._rt_call("rt_reset")
            del self._hosts[self._kept_hosts :]

    def _timer(self) -> _Timer | None:
        self._store.set_epoch_deadline(1)
        if self._limits.fuel is not None:
            self._store.set_fuel(self._limits.fuel)
        if self._limits.deadline_ms is None:
            return None
        return _Timer(self._limits.deadline_ms / 1000, self._store.engine.increment_epoch)

    def _rt_call(self, name: str, *args: int) -> Any:
        return self._invoke(self._rt[name], *args)

    def _invoke(self, code: Any, *args: int) -> Any:
        try:
            return code(self._store, *args)
        except wasmtime.Trap as trap:
            raise self._explain(trap).located(self._trace(trap)) from None

    def _trace(self, trap: wasmtime.Trap) -> list[Frame]:
        active = [frame for frame in trap.frames if frame.module_name != "rt"]
        if self.locate is not None:
            return self.locate([frame.module_offset for frame in active])
        names = [frame.func_name or "" for frame in active]
        return [Frame(name, None) for name in names if name and not name.startswith("<")]

    def _explain(self, trap: wasmtime.Trap) -> RtfsError:
        kind = self._read(layout.STATE_TRAP, 4)
        self._write(layout.STATE_TRAP, 0, 4)
        if kind == 1 + layout.ERRKIND_MEMORY_LIMIT:
            return limit_error("MemoryLimit", self._limits.memory_bytes)
        if trap.trap_code == wasmtime.TrapCode.INTERRUPT and self._limits.deadline_ms is not None:
            return limit_error("DeadlineExceeded", self._limits.deadline_ms)
        if "fuel" in str(trap) and self._limits.fuel is not None:
            return limit_error("FuelExhausted", self._limits.fuel)
        if trap.trap_code == wasmtime.TrapCode.STACK_OVERFLOW:
            return error_class("StackOverflow")("StackOverflow", "Stack overflow")
        return _internal(str(trap).rpartition("wasm trap: ")[2].strip())

    # --- values

    def _box(self, value: Any, argument: int = -1, shape: Shape | None = None) -> int:
        if isinstance(value, SlowFunction) and value.owner is self:
            return value.value()
        data = encode_bytes(value, shape, self._grant, argument, self._limits.memory_bytes)
        ref = self._rt_call("rt_buffer", len(data))
        self._memory.write(self._store, data, ref & 0xFFFFFFFF)
        boxed: int = self._rt_call("rt_decode", ref)
        return boxed

    def _checked(self, boxed: int) -> int:
        if boxed == layout.SPECIAL_ERR:
            found = self._unbox(self._read(layout.STATE_ERROR, 8))
            if not isinstance(found, ErrorValue):
                raise _internal("the module gave a malformed error")
            span = self._spans[found.site - 1] if 0 < found.site <= len(self._spans) else None
            raise error_from_value(found, span)
        return boxed

    def _unbox(self, boxed: int) -> Any:
        if boxed & 1:
            return boxed >> 1
        if boxed & 7 == 0 and not 0 <= boxed <= self._memory.data_len(self._store) - 16:
            raise _internal("the module gave a malformed result")
        packed = self._rt_call("rt_encode", boxed) & _MASK
        ref, size = packed & 0xFFFFFFFF, packed >> 32
        if size > self._limits.output_bytes:
            raise limit_error("OutputLimit", self._limits.output_bytes)
        if ref + size > self._memory.data_len(self._store):
            raise _internal("the module gave a malformed result")
        try:
            return decode_bytes(bytes(self._memory.read(self._store, ref, ref + size)), self._handle)
        except ValueError:
            raise _internal("the module gave a malformed result") from None

    def _handle(self, boxed: int) -> SlowFunction | HostFunction:
        if boxed < 0:
            if -boxed > len(self._hosts):
                raise _internal("the module gave a malformed host function")
            return HostFunction(self._hosts[-1 - boxed])
        self._live += 1
        self._made += 1
        return SlowFunction(self, self._rt_call("rt_handle", boxed))

    def _grant(self, function: Any) -> int | None:
        """For `transit.encode_bytes`."""
        if isinstance(function, HostFunction):
            self._hosts.append(function.function)
            return len(self._hosts) - 1
        return -function.value() if isinstance(function, SlowFunction) and function.owner is self else None

    def _host_call(self, handle: int, arguments: int) -> int:
        given = self._unbox(arguments)
        return self._box(self._hosts[handle](*(given.items if isinstance(given, List) else given or ())))

    def _host_operation(self, operation: int, arguments: int) -> int:
        try:
            return self._box(host_of(self)(self._unbox(operation), self._unbox(arguments)))
        except RtfsError as error:
            parts = error_parts(error)
        boxed: int = self._rt_call("rt_raise_host", self._box(parts))
        return boxed

    # --- names and memory

    def _entry(self, name: str, kind: str) -> dict[str, Any]:
        entry: dict[str, Any] | None = self._exports.get(name)
        if entry is None or entry["kind"] != kind:
            raise KeyError(name)
        return entry

    def _export(self, name: str) -> Any:
        if self._closed:
            raise InstanceClosed("the instance is closed")
        found = self._user.get(name)
        if not isinstance(found, wasmtime.Func):
            raise ModuleRejected(f"no export {name}", "W004")
        return found

    def _import(self, wanted: wasmtime.ImportType) -> Any:
        module, name = wanted.module, wanted.name or ""
        if (module, name) == ("rtfs_host", "call_host"):
            i32, i64 = wasmtime.ValType.i32(), wasmtime.ValType.i64()
            return wasmtime.Func(self._store, wasmtime.FuncType([i32, i64], [i64]), self._host_call)
        if (module, name) == ("rtfs_host", "host"):
            i64 = wasmtime.ValType.i64()
            return wasmtime.Func(self._store, wasmtime.FuncType([i64, i64], [i64]), self._host_operation)
        if module == "rtfs" and (name in ("memory", "table") or name.startswith("rt_")):
            found = self._rt.get(name)
            if found is not None:
                return found
        if module.startswith(_MODULES):
            return self._link(module.removeprefix(_MODULES), name)
        raise ModuleRejected(
            f"the module imports {module}.{name}, which this host does not offer", "W003", IMPORT_HINT
        )

    def _link(self, module: str, name: str) -> Any:
        """What another module of the instance exports under its link name."""
        library = self._linked.get(module)
        if library is None:
            raise ModuleRejected(f"the module needs {module}, which is not there", "W004")
        if name not in library:
            raise ModuleRejected(
                f"{module} has no {name.partition(':')[0]} of the meaning that is linked to",
                "W004",
                BUILD_HINT,
            )
        return library[name]

    def _read(self, address: int, size: int) -> int:
        return int.from_bytes(self._memory.read(self._store, address, address + size), "little")

    def _write(self, address: int, number: int, size: int) -> None:
        self._memory.write(self._store, number.to_bytes(size, "little"), address)


class SlowFunction:
    """A function value of a module; keeps the memory of the call that made it until it is closed."""

    def __init__(self, owner: SlowInstance, handle: int) -> None:
        self.owner, self._handle, self._open = owner, handle, True

    def value(self) -> int:
        """The boxed value; it may move while the instance runs."""
        if not self._open:
            raise InstanceClosed("the function handle is closed")
        boxed: int = self.owner._rt_call("rt_handle_value", self._handle)
        return boxed

    def __call__(self, *args: Any) -> Any:
        owner = self.owner
        with owner._entered():
            boxed, packed = self.value(), owner._box(list(args))
            return owner._unbox(owner._checked(owner._invoke(owner._export("$apply"), boxed, packed)))

    def close(self) -> None:
        if self._open:
            self._open = False
            self.owner._dropped.append(self._handle)

    def __del__(self) -> None:
        self.close()

    def __enter__(self) -> SlowFunction:
        return self

    def __exit__(self, *unused: object) -> None:
        self.close()


class _Timer:
    """Calls ``end`` after so many seconds, but not once it was cancelled: that would end the next call."""

    def __init__(self, seconds: float, end: Callable[[], None]) -> None:
        self._end, self._lock, self._cancelled = end, threading.Lock(), False
        self._timer = threading.Timer(seconds, self._strike)
        self._timer.daemon = True
        self.start = self._timer.start

    def cancel(self) -> None:
        with self._lock:
            self._cancelled = True
        self._timer.cancel()

    def _strike(self) -> None:
        with self._lock:
            if not self._cancelled:
                self._end()


def _internal(message: str) -> RtfsError:
    return error_class("InternalError")("InternalError", f"Internal error: {message}")


def _engine(fuel: bool) -> wasmtime.Engine:
    """One per instance: the timer of one must not stop another."""
    config = wasmtime.Config()
    config.wasm_tail_call = config.wasm_multi_value = config.wasm_bulk_memory = True
    config.epoch_interruption = True
    config.max_wasm_stack = _STACK_BYTES
    config.parallel_compilation = False  # a child of a fork would wait for threads that it does not have
    if fuel:
        config.consume_fuel = True
    return wasmtime.Engine(config)


def _code(message: str) -> str:
    return "W004" if "incompatible import type" in message else "W001"
