"""Delegation in a runtime: who answers the calls that an instance asks its host about (the delegate that the
runtime was given, the store, the models of the policy, in this order), and which functions ask at all."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from runtime.once import once
from runtime.values.errors import RtfsError

if TYPE_CHECKING:  # the policy's side is loaded where there is one
    from rtfsc.driver import Compilation
    from rtfsc.ir.nodes import Module
    from runtime.delegation.context import CallContext
    from runtime.delegation.router import Router
    from runtime.delegation.setup import Delegating
    from runtime.delegation.types import L4CacheHit
    from runtime.engine import Runtime
    from runtime.host.session import Delegate, Delegation
    from runtime.store.index import Entry

Interfaces = Mapping[str, Mapping[str, Any]]
"""Of functions, as in the section ``rtfs.interface``, by symbol."""


class Routing:
    """What one instance of a program has to do with delegation. ``interfaces``: of its functions, by the
    names that it calls them by; ``symbols``: those that are guarded, by number; ``compiled``: it runs as
    WebAssembly, so the same definition in the store would not be faster; ``inside``: exports that ask by
    themselves, of a file with guards; ``own``: the name of a program that is a module."""

    def __init__(
        self,
        runtime: Runtime,
        interfaces: Interfaces,
        symbols: Sequence[str] = (),
        *,
        compiled: bool = True,
        inside: Collection[str] = (),
        own: str = "",
    ) -> None:
        self._runtime, self._own = runtime, own
        self.interfaces, self.symbols, self._inside = interfaces, symbols, inside
        self._stored = Stored(runtime, interfaces, compiled)

    @once
    def router(self) -> Router | None:
        delegating = self._runtime.delegation
        if delegating is None:
            return None
        engine = delegating.engine
        if self._runtime.has_store and delegating.policy.store:
            from runtime.delegation.engine import L4AwareDelegationEngine

            engine = L4AwareDelegationEngine(
                engine, self._stored.find, delegating.measurements, self._stored.measured_as
            )
        learned, environment = self._runtime.learned, self._runtime.environment
        deadline = self._runtime.limits.deadline_ms
        dispatcher = delegating.dispatcher_for(
            environment, engine=engine, stored=self._stored.call,
            ask=learned.asker(environment) if learned is not None else None,
            most_s=None if deadline is None else deadline / 1000,
        )  # fmt: skip
        return delegating.router(dispatcher, self.symbols, self.interfaces)

    def delegate(self, given: Delegate | None) -> Delegate | None:
        """None where nobody would answer."""
        declared = self._declared if self._runtime.has_store else None
        asked = [one for one in (given, declared, self.router) if one is not None]
        return Asked(asked, self.router) if asked else None

    def _declared(self, delegation: Delegation) -> tuple[bool, Any]:
        return self._in_the_store(delegation)

    @once
    def _in_the_store(self) -> Delegate:
        from runtime.searching import Declared

        return Declared(self._runtime, self.interfaces)

    def bind(self, instance: Any) -> None:
        """The instance is there: its guards can be set."""
        if self.router is not None and self.symbols:
            self.router.bind(instance.router())

    def ask(self, instance: Any, *, remember: bool) -> None:
        """The instance of a file with guards is there: they ask, whatever they were set to. ``remember``:
        they are told what is decided for good."""
        route = instance.router()
        for number in range(len(self.symbols)):
            route(number, False)
        if remember:
            self.bind(instance)

    def only_guards(self) -> Delegate:
        """For a module that may have no host: it may ask about the functions that it lists, nothing else."""
        return Inside(self.router, self.symbols)

    def wrap(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """An export of a module without guards, whose calls are routed where rules speak of it."""
        delegating = self._runtime.delegation
        symbol = f"{self._own}/{name}" if self._own else name
        if delegating is None or name in self._inside or not speaks_of(self._runtime, delegating, symbol):
            return function
        assert self.router is not None
        return self.router.wrap(symbol, name, function)


class Asked:
    """Several delegates, in order. Functions that nobody marked are a matter of the policy alone."""

    def __init__(self, delegates: Sequence[Delegate], router: Router | None) -> None:
        self._delegates, self._router = delegates, router

    def __call__(self, delegation: Delegation) -> tuple[bool, Any]:
        if delegation.mode == "routed":
            return self._router(delegation) if self._router is not None else (False, None)
        for delegate in self._delegates:
            done, value = delegate(delegation)
            if done:
                return True, value
        return False, None

    def done(self, token: Any) -> None:
        if self._router is not None:
            self._router.done(token)


class Inside:
    """The delegate of a module of unknown origin with guards."""

    def __init__(self, router: Router | None, symbols: Sequence[str]) -> None:
        self._router, self._symbols = router, frozenset(symbols)

    def __call__(self, delegation: Delegation) -> tuple[bool, Any]:
        if self._router is None or delegation.mode != "routed" or delegation.function not in self._symbols:
            return False, None
        return self._router(delegation)

    def done(self, token: Any) -> None:
        if self._router is not None:
            self._router.done(token)


class Stored:
    """Modules of the store that do what a function does: the same definition, else one of the same interface
    and meaning. Looked for once per function and instance. ``compiled``: see `Routing`."""

    def __init__(self, runtime: Runtime, interfaces: Interfaces, compiled: bool) -> None:
        self._runtime, self._interfaces, self._compiled = runtime, interfaces, compiled
        self._hits: dict[str, L4CacheHit | None] = {}
        self._entries: dict[str, Entry] = {}
        self._functions: dict[L4CacheHit, Callable[..., Any]] = {}

    def find(self, context: CallContext) -> L4CacheHit | None:
        symbol = context.fn_symbol
        if symbol not in self._hits:
            from rtfsc.diagnostics import DiagnosticError
            from runtime.store.errors import StoreError

            interface = self._interfaces.get(symbol)
            try:
                self._hits[symbol] = None if interface is None else self._found(interface)
            except (StoreError, DiagnosticError, RtfsError):  # or its examples are none: the rules decide
                self._hits[symbol] = None
        return self._hits[symbol]

    def measured_as(self, context: CallContext) -> str:
        from runtime.delegation.dispatch import measured_as

        return measured_as(context.fn_symbol, self._interfaces.get(context.fn_symbol))

    def call(self, hit: L4CacheHit, delegation: Delegation) -> Any:
        """Raises `Unavailable` for a module that cannot be had or is not trusted any more."""
        function = self._functions.get(hit)
        if function is None:
            function = self._functions[hit] = self._loaded(hit)
        try:
            return function(*delegation.arguments)
        except RtfsError as error:
            error.span = error.module = None  # of another text than the caller's
            raise

    def _found(self, interface: Mapping[str, Any]) -> L4CacheHit | None:
        return self._by_definition(interface) or self._by_meaning(interface)

    def _by_definition(self, interface: Mapping[str, Any]) -> L4CacheHit | None:
        from backend_wasm.layout import ABI_MAJOR
        from rtfsc.ir.keys import retrieval_key

        if self._compiled:
            return None
        key = retrieval_key(interface["def_hash"], interface["interface_hash"], "wasm32", ABI_MAJOR)
        for entry in self._runtime.store.find_by_definition(key):
            for export in entry.description.exports:
                if export.retrieval_key == key and entry.status == "Verified":
                    return self._hit(entry, export.name, 1.0)
        return None

    def _by_meaning(self, interface: Mapping[str, Any]) -> L4CacheHit | None:
        from rtfsc.evaluation import examples_in
        from runtime.searching import search, task_of
        from runtime.store.retrieval import Example

        task = task_of(interface["doc"])
        if not task:
            return None
        examples = [Example(*example) for example in examples_in(interface["doc"])]
        found = search(self._runtime, interface["interface_hash"], task, examples).hit
        if found is None or found.entry is None:
            return None
        return self._hit(found.entry, found.export, min(1.0, found.score))

    def _hit(self, entry: Entry, export: str, confidence: float) -> L4CacheHit:
        from runtime.delegation.types import L4CacheHit

        self._entries[entry.digest] = entry
        return L4CacheHit(entry.digest, entry.signer or "", confidence, export)

    def _loaded(self, hit: L4CacheHit) -> Callable[..., Any]:
        from runtime.providers.errors import Unavailable
        from runtime.store.errors import StoreError
        from runtime.trust.errors import TrustError

        try:
            module = self._runtime.get(self._entries[hit.storage_pointer], hit.export, exact=True)
        except (StoreError, TrustError) as error:
            raise Unavailable(str(hit), str(error)) from error
        # Not the module's own attribute, which would be routed to the store again.
        function: Callable[..., Any] = module.__rtfs_instance__.function(hit.export)
        return function


def speaks_of(runtime: Runtime, delegating: Delegating, symbol: str) -> bool:
    """Whether calls of this function may be decided on."""
    policy = delegating.policy
    return (policy.store and runtime.has_store) or delegating.speaks_of(symbol)


def guard(runtime: Runtime, compilation: Compilation) -> tuple[list[str], dict[str, Mapping[str, Any]]]:
    """Puts guards into a program that is about to run: their symbols, and the interfaces by symbol."""
    delegating = runtime.delegation
    if delegating is None:
        return [], {}
    symbols = compilation.guard(lambda symbol: speaks_of(runtime, delegating, symbol))
    return symbols, interfaces_of(compilation) if symbols else {}


def of_file(
    runtime: Runtime, guards: Sequence[Mapping[str, Any]], exports: Interfaces, own: str, *, compiled: bool
) -> Routing | None:
    """Of a module that was built with guards, listed as in the section ``rtfs.interface``; None where there
    are none, or nobody has rules. ``own``: the name of one that was made of a module form."""
    if not guards or runtime.delegation is None:
        return None
    interfaces = dict(exports)
    for guard in guards:
        found = exports.get(guard["export"]) if "export" in guard else guard.get("interface")
        if found is not None:
            interfaces[guard["symbol"]] = found
    symbols = [guard["symbol"] for guard in guards]
    inside = {guard["export"] for guard in guards if "export" in guard}
    return Routing(runtime, interfaces, symbols, compiled=compiled, inside=inside, own=own)


def hint_of(module: Module, symbol: str) -> tuple[str, str | None] | None:
    """Mode and model of an author's hint on a top-level function; None where there is none."""
    from rtfsc.ir.nodes import Const, Prim
    from rtfsc.ir.walk import nodes

    for function in module.functions.values():
        if not function.pinned or function.origin != (symbol, 0):
            continue
        for node in nodes(function.body):
            if isinstance(node, Prim) and node.op == "host" and node.imm == "delegate":
                mode, model = node.args[1:3]
                assert isinstance(mode, Const) and isinstance(model, Const)
                return mode.value, model.value
        return "local", None
    return None


def interfaces_of(compilation: Compilation) -> dict[str, Mapping[str, Any]]:
    """Of the functions of a program and of what it imports, by symbol."""
    from rtfsc.evaluation import exports_of

    head = compilation.ast.head
    own = f"{head.name}/" if head is not None else ""
    found = {f"{own}{name}": described for name, described in exports_of(compilation.unoptimised).items()}
    for unit in compilation.units:
        found |= {f"{unit.name}/{name}": described for name, described in exports_of(unit.module).items()}
    return found
