"""`Runtime`: owns the store, the trust in it, the engines and the limits, and puts the parts together.

Compiling goes through the store where there is one: the text itself, then the action (this compiler, the
same meaning, other names and lines), then the definitions (any compiler) are looked up.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rtfsc.source import SourceFile
from runtime.module import Module, Provenance
from runtime.obs.events import BUS, Emit, tell
from runtime.offline import offline as process_offline
from runtime.once import once
from runtime.values import Limits, RtfsError

if TYPE_CHECKING:
    from rtfsc.driver import Compilation
    from runtime.asynchronous import Pool
    from runtime.auditing import Auditor
    from runtime.caches.protocol import CacheStats
    from runtime.chain.audit import Audit
    from runtime.delegation.context import Environment
    from runtime.delegation.setup import Delegating
    from runtime.host.access import HostCallable
    from runtime.host.capability import Capability
    from runtime.host.handling import Handling
    from runtime.host.policy import Policy
    from runtime.host.session import Delegate, Event
    from runtime.meaning.embedding import Embedder
    from runtime.publishing import Publication
    from runtime.retrieving import Found
    from runtime.routing import Routing
    from runtime.solving.learned import Learned
    from runtime.store.config import Choice
    from runtime.store.index import Entry
    from runtime.store.location import Location
    from runtime.store.paths import Paths
    from runtime.store.retrieval import Retrieval
    from runtime.store.store import ModuleStore
    from runtime.ticketing import TicketOffice
    from runtime.trust.file import TrustFile
    from runtime.trust.keys import KeyRing, Prompt, SigningKey
    from runtime.trust.verifier import Verifier

TARGETS = {"wasm": "wasm32", "evaluator": "rtfs-ir"}
LOCAL_KEY = "local"


class Runtime:
    """``store``: a folder, or two addresses as in ``"s3://bucket/prefix postgresql://user@host/database"``;
    True for the configured one (the project's or the user's), None for none.
    ``home``: where keys and trust are kept (default: ``$RTFSC_HOME`` or the user's data folder).
    ``engine``: ``wasm`` or ``evaluator``. ``level``: of optimisation, 0 to 2. ``path``: folders where
    imported modules are looked for, after that of the program and before those of ``RTFSC_PATH``.

    ``grant``: capabilities that programs may call, see `capability`, and built-in ones by id (``ID`` or
    ``ID=SCOPE``). ``security``: ``pure``, ``controlled`` (the default: what is granted) or ``full``; where it
    is given it sets the limits too, unless ``limits`` does. ``context``: values that programs find by name.
    ``observer`` is told of calls and steps, ``delegate`` is asked about functions marked ``^:delegation``.
    ``delegation``: a ``delegation.toml``, or what `runtime.delegation.setup.open_delegation` made of one,
    whose models answer such functions, and any other function that its rules give to a model or to the store;
    ``environment`` says for which tenant and task programs run, and how private their data are.
    ``emit``: told of what happens, see `runtime.obs.events` (default: the bus of the process, to which the
    options of the command line subscribe).
    ``handling``: by id of a capability, how long to wait for it, how often to try, what to call instead.
    ``audit``: what programs do goes on record, see `runtime.chain.audit`; True: digests only.
    ``embedder``: says how near two tasks are (default: the one in ``RTFSC_EMBEDDER``, else by their words).
    With a store, a function that is declared without a body is looked for there, by its interface and doc.
    ``offline``: opens no connection to anywhere; a remote store is left out for the folder (default: what
    ``RTFSC_OFFLINE`` says).

    Nothing is opened or read before it is needed. A runtime may be used from several threads; each
    module that it hands out serves one call at a time.
    """

    def __init__(
        self,
        *,
        store: str | os.PathLike[str] | bool | None = None,
        home: str | os.PathLike[str] | None = None,
        limits: Limits | None = None,
        engine: str = "wasm",
        level: int = 2,
        path: Iterable[str | os.PathLike[str]] = (),
        grant: Iterable[str | Capability] = (),
        security: str | None = None,
        context: Mapping[str, Any] | None = None,
        observer: Callable[[Event], None] | None = None,
        delegate: Delegate | None = None,
        delegation: Delegating | str | os.PathLike[str] | None = None,
        environment: Environment | None = None,
        embedder: Embedder | None = None,
        emit: Emit | None = None,
        audit: Audit | bool = False,
        handling: Mapping[str, Handling] | None = None,
        offline: bool | None = None,
    ) -> None:
        if engine not in TARGETS:
            raise ValueError(f"engine must be 'wasm' or 'evaluator', not {engine!r}")
        self.policy: Policy | None = None
        self.offline = process_offline() if offline is None else offline
        if grant or security is not None:
            from runtime.host.policy import Policy

            self.policy = Policy.of(grant, security, offline=self.offline, handling=handling)
            limits = limits or (self.policy.limits if security is not None else None)
        self._host_options: dict[str, Any] = {"context": context, "observer": observer, "delegate": delegate}
        self.limits = limits or Limits()
        self.emit: Emit = BUS if emit is None else emit
        self.engine = engine
        self.level = level
        self.path = tuple(os.fspath(folder) for folder in path)
        self._delegation_option, self._environment = delegation, environment
        self._store_option = store
        self._given = None if store is None or isinstance(store, bool) else _location(store)
        self._home_option = home
        self._embedder_option = embedder
        self._audit_option = audit

    @classmethod
    def init(cls, **options: Any) -> Runtime:
        """A runtime with a store, after making sure that there is a local signing key and that it is
        trusted. Safe to call again."""
        from runtime.trust.errors import KeyFileError
        from runtime.trust.store import TrustedKey

        runtime = cls(**{"store": True, **options})
        if LOCAL_KEY not in runtime.keys:
            try:
                runtime.keys.new(LOCAL_KEY)
            except KeyFileError:
                if LOCAL_KEY not in runtime.keys:  # else another process was faster
                    raise
        public = runtime.keys.public(LOCAL_KEY)
        if runtime.trust_file.load().find(public.key_id) is None:
            runtime.trust_file.change(lambda trust: trust.with_key(TrustedKey(public, LOCAL_KEY)))
        return runtime

    # -- what it owns

    @once
    def paths(self) -> Paths:
        from runtime.store.paths import Paths, default_paths

        paths = default_paths()
        home = Path(self._home_option).absolute() if self._home_option is not None else paths.home
        given = self._given.folder if self._given is not None else None
        return Paths(home, given or paths.store)

    @once
    def choice(self) -> Choice:
        """Which store is in use, and who said so. Raises `StoreError` for a configuration that is wrong."""
        from runtime.store.config import chosen

        choice = chosen(self._given, self.paths, Path.cwd())
        return choice.offline(self.paths) if self.offline else choice

    @once
    def keys(self) -> KeyRing:
        from runtime.trust.keys import KeyRing

        return KeyRing(self.paths.keys)

    @once
    def trust_file(self) -> TrustFile:
        from runtime.trust.file import TrustFile

        return TrustFile(self.paths.trust)

    @once
    def verifier(self) -> Verifier:
        from runtime.trust.seen import Seen
        from runtime.trust.verifier import Verifier

        return Verifier(self.trust_file.load(), seen=Seen(self.paths.seen))

    @once
    def store(self) -> ModuleStore:
        from runtime.store.cache import default_folder
        from runtime.store.config import require_allowed
        from runtime.store.opening import open_store

        choice = self.choice
        require_allowed(choice, self.paths.home)
        return open_store(
            choice.location,
            self.verifier,
            validate=self._validate,
            cache=default_folder(),
            cache_bytes=choice.cache_bytes,
        )

    @once
    def embedder(self) -> Embedder:
        from runtime.providers.embedders import configured_embedder

        return self._embedder_option or configured_embedder()

    @once
    def delegation(self) -> Delegating | None:
        """Raises `PolicyError` with the place of a mistake in the file, OSError."""
        given = self._delegation_option
        if given is None:  # a program that calls a capability loads no engine that decides
            return None
        from runtime.delegation.setup import Delegating, open_delegation

        if isinstance(given, Delegating):
            return given
        delegating = open_delegation(given, emit=self.emit)
        if self.has_store:
            from runtime.caches.manager import CacheManager

            if isinstance(delegating.manager, CacheManager):
                delegating.manager.l4 = self._looked_up
        return delegating

    def _looked_up(self) -> CacheStats:
        """Look-ups of modules in the store."""
        from runtime.caches.protocol import CacheStats

        outcomes = self.store.outcomes
        return CacheStats(outcomes["hit"], outcomes["miss"] + outcomes["refused"], 0, 0, 0, 0, 0, 0)

    @once
    def learned(self) -> Learned | None:
        """What is learned of the answers of models; None unless there is a store, and the policy has a
        section ``[distil]``."""
        settings = self.delegation.policy.distil if self.delegation is not None else None
        if settings is None or not self.has_store:
            return None
        from runtime.delegation.dispatch import ask_for_value
        from runtime.solving.learned import Learned

        return Learned(self, settings, ask_for_value)

    @once
    def environment(self) -> Environment:
        """Who programs run for; what was granted is among the permissions."""
        from runtime.delegation.context import Environment

        given = self._environment or Environment()
        granted = self.policy.granted if self.policy is not None else ()
        return Environment(
            given.tenant, {*given.permissions, *(c.id for c in granted)}, given.task, given.privacy
        )

    def host(
        self, exports: Mapping[str, Mapping[str, Any]] | None = None, routing: Routing | None = None
    ) -> HostCallable | None:
        """A host for one instance of a program with these exports; None stands for one that has nothing
        to offer. ``routing``: of the instance (default: one without guards)."""
        given = {name: value for name, value in self._host_options.items() if value is not None}
        if (
            self.policy is None
            and not given
            and not self.has_store
            and self._delegation_option is None
            and self.auditor is None
        ):
            return None
        from runtime.host.access import Deferred

        def session() -> HostCallable:
            from runtime.host.session import Session
            from runtime.routing import Routing

            delegation = routing or Routing(self, exports or {})
            delegate = delegation.delegate(given.pop("delegate", None))
            interfaces = delegation.interfaces
            return Session(self.policy, delegate=delegate, exports=interfaces, emit=self.emit, **given)

        if self.auditor is not None:
            return self.auditor.recorder(session, self._host_options["context"])
        return Deferred(session)

    def closed_host(self, routing: Routing | None) -> HostCallable | None:
        """For modules that get no capability whatever was granted. ``routing``: of one with guards."""
        if self.auditor is None and routing is None:
            return None
        from runtime.host.access import Deferred
        from runtime.host.session import Session

        def session() -> HostCallable:
            if routing is None:
                return Session()
            return Session(delegate=routing.only_guards(), exports=routing.interfaces, emit=self.emit)

        return Deferred(session) if self.auditor is None else self.auditor.recorder(session)

    @once
    def auditor(self) -> Auditor | None:
        """Keeps the chain of what programs do; None where none is kept."""
        if not self._audit_option:
            return None
        from runtime.auditing import Auditor
        from runtime.chain.audit import Audit

        given = self._audit_option
        return Auditor(self, given if isinstance(given, Audit) else Audit())

    def pool(self, program: str | SourceFile, size: int = 8) -> Pool:
        """At most ``size`` instances of a program, for calls that are awaited at the same time. Raises
        `DiagnosticError` for a program that is refused."""
        from runtime.asynchronous import Pool

        source = program if isinstance(program, SourceFile) else SourceFile("<source>", program)
        compilation = self.compilation(source, self.engine)
        _ = compilation.ir
        return Pool(lambda: self.instantiate(compilation), size)

    def tickets(self, address: str | os.PathLike[str] | None = None) -> TicketOffice:
        """Where work is left for others, or for later. ``address``: a file, ``redis://HOST:PORT/0`` or
        ``nats://HOST:PORT``; by default what ``RTFSC_TICKETS`` says, else a file of the user's. The caller
        closes it."""
        from runtime.ticketing import TicketOffice
        from runtime.tickets.opening import open_tickets

        place = open_tickets(address, self.paths.tickets, offline=self.offline)
        return TicketOffice(self, place)

    @property
    def has_store(self) -> bool:
        return self._store_option not in (None, False)

    # -- compiling

    def compile(self, source: str, *, filename: str = "<source>", engine: str | None = None) -> Module:
        """The program's exports. With a store: from there if it has them.

        Raises `DiagnosticError` for source that is refused, `RtfsError` if its top level fails.
        """
        return self.compile_source(SourceFile(filename, source), engine=engine)

    def compile_source(self, source: SourceFile, *, engine: str | None = None) -> Module:
        engine = engine or self.engine
        looks_up = self.has_store and engine == "wasm"
        keeps = self.routes or (self.auditor is not None and self.auditor.audit.record)
        if looks_up:
            from runtime import retrieving
        found = retrieving.by_text(self, source) if looks_up and not keeps else None
        if found is not None:
            return found
        compilation = self.compilation(source, engine)
        try:
            routing = self._routing(compilation)
            looks_up = looks_up and (routing is None or not routing.symbols)
            found = retrieving.by_meaning(self, compilation) if looks_up else None
            if looks_up and found is None:
                tell(self.emit, "store.miss", by="program", request=source.name)
            module = found or self._compiled(compilation, engine)
        except RtfsError as error:
            error.sources = compilation.sources
            raise
        module.__rtfs_sources__ = compilation.sources
        return module

    @property
    def routes(self) -> bool:
        """Whether calls of functions that nobody marked may run elsewhere."""
        return self._delegation_option is not None and self.delegation is not None and self.delegation.routes

    @property
    def remembers(self) -> bool:
        """Whether guards are told what was decided: not on record, as a replay must ask as often."""
        return self.auditor is None or not self.auditor.audit.record

    def _routing(self, compilation: Compilation) -> Routing | None:
        """Of a program that is compiled to run here, with its guards; None where no policy says anything."""
        if not self.routes:
            return None
        from rtfsc.evaluation import exports_of
        from runtime.routing import Routing, guard

        symbols, interfaces = guard(self, compilation)
        exports = exports_of(compilation.unoptimised)
        compiled = compilation.options.target == TARGETS["wasm"]
        return Routing(self, {**exports, **interfaces}, symbols, compiled=compiled)

    def compilation(self, source: SourceFile, engine: str = "wasm") -> Compilation:
        from rtfsc.driver import Compilation
        from rtfsc.options import CompileOptions

        return Compilation(source, CompileOptions(level=self.level, target=TARGETS[engine], path=self.path))

    def instantiate(self, compilation: Compilation, engine: str | None = None) -> Module:
        """A module of its own of a program that was compiled for this engine before."""
        return self._compiled(compilation, engine or self.engine)

    def _compiled(self, compilation: Compilation, engine: str) -> Module:
        from rtfsc.evaluation import exports_of, instantiate

        routing = self._routing(compilation)
        exports = exports_of(compilation.ir)
        host = self.host(exports, routing)
        instance = instantiate(compilation, engine, self.limits, host)
        if routing is not None and self.remembers:
            routing.bind(instance)
        artifact = compilation.artifact if engine == "wasm" else None
        digest = None if artifact is None else hashlib.sha256(artifact).hexdigest()
        provenance = Provenance("compiled", engine, digest)
        try:
            module = self.module_of(
                instance, exports, provenance, host, artifact, compilation=compilation, routing=routing
            )
        except RtfsError as error:
            error.warnings = compilation.sink.diagnostics
            raise
        module.__rtfs_warnings__ = compilation.sink.diagnostics
        return module

    # -- retrieving

    def find(self, signature: str) -> list[Found]:
        """Stored functions of exactly the interface that ``(declare name [a : T …] : R)`` states,
        newest first. The name and those of the parameters do not matter."""
        from runtime.retrieving import by_interface

        return by_interface(self, signature)

    def search(self, signature: str, examples: Sequence[tuple[Sequence[Any], Any]] = ()) -> Retrieval:
        """Looks for a stored function of the interface that ``(declare name [a : T …] : R "task")`` states
        and that does what its doc says. ``examples``: arguments and result, beside those in the doc;
        candidates run on them in a sandbox. ``result.hit`` is None for a miss; the rest is the evidence.

        Raises `DiagnosticError` for a declaration without a doc, `StoreError`.
        """
        from runtime.searching import search_signature

        return search_signature(self, signature, examples)

    def load_hit(self, found: Retrieval) -> Any:
        """The callable that `search` found. Raises `NotStored` for a miss."""
        from runtime.store.errors import NotStored

        if found.hit is None or found.hit.entry is None:
            raise NotStored(f"No stored function does this: {found.task}")
        return self.get(found.hit.entry, found.hit.export)[found.hit.export]

    def get(self, entry: Entry, export: str | None = None, *, exact: bool = False) -> Module:
        """The module of a store entry that was found by its name, or by the interface of one of its
        exports, verified. Raises `TrustError`, also for a version older than one that was seen there
        before, or `StoreError`.
        ``exact``: it was asked for by its digest, whatever version it is."""
        from runtime.retrieving import current, exactly

        return exactly(self, entry, export) if exact else current(self, entry, export)

    def load(
        self, module: str | os.PathLike[str] | bytes, *, modules: Mapping[str, bytes] | None = None
    ) -> Module:
        """A compiled module from a file or from bytes. A manifest beside the file (``x.wasm.dsse``) is
        verified; a module without one is taken as it is, with no capability and never into a store. What a
        module was compiled separately from is found beside its file, or in ``modules``, by name.

        Raises `TrustError` if there is a manifest and it does not hold, `ModuleRejected` for bytes that
        are no module of ours.
        """
        from runtime.loading import load

        return load(self, module, modules or {})

    # -- publishing

    def publish_file(self, path: str | os.PathLike[str], **options: Any) -> Publication:
        return self.publish(SourceFile.read(path), name=Path(path).stem, **options)

    def publish(
        self,
        source: SourceFile,
        *,
        name: str = "main",
        key: str | SigningKey | Sequence[str | SigningKey] = LOCAL_KEY,
        inputs: int | None = None,
        prompt: Prompt | None = None,
        expires_days: int | None = None,
        purpose: str = "",
    ) -> Publication:
        """Compiles, certifies against the evaluator, signs with ``key`` (a name, the key itself, or
        several) and stores. ``inputs``: generated argument lists per function. ``expires_days``: how long
        the module may be used. ``purpose``: makes it an entry of its own beside one of the same meaning, so
        that it is found by its own doc.

        Raises `DiagnosticError` (warnings count), `CertificationError`, `TrustError`, `StoreError`.
        """
        from runtime.publishing import publish
        from runtime.trust.keys import SigningKey

        self.choice.require_reachable()
        keys = (key,) if isinstance(key, (str, SigningKey)) else tuple(key)
        return publish(
            self, source, name=name, keys=keys, inputs=inputs, prompt=prompt, expires_days=expires_days,
            purpose=purpose,
        )  # fmt: skip

    def sign(self, compilation: Compilation, key: str | SigningKey, prompt: Prompt | None = None) -> bytes:
        """A manifest for the compilation's artifact, to be kept beside it as ``x.wasm.dsse``."""
        from runtime.publishing import manifest

        return manifest(self, compilation, key, prompt)

    # -- inside

    def instance_of(self, artifact: bytes, **tables: Any) -> Any:
        from rtfsc.registry import executor

        return executor("wasm32").instantiate(artifact, limits=self.limits, **tables)

    def module_of(
        self,
        instance: Any,
        exports: Mapping[str, Mapping[str, Any]],
        provenance: Provenance,
        host: HostCallable | None,
        artifact: bytes | None,
        names: Mapping[str, str] | None = None,
        compilation: Compilation | None = None,
        routing: Routing | None = None,
        wrap: Any = None,
        own: str = "",
    ) -> Module:
        """Evaluates the top level once, so that what is wrong with it shows here and not at the first call.
        Where it raises, functions in the data of the error keep the instance. ``routing``: of an instance
        with guards; ``wrap``: what routes calls of its other exports; ``own``: the name that the module gives
        itself."""
        recorder: Any = host if self.auditor is not None else None
        if self.auditor is not None and recorder is not None:
            self.auditor.start(instance, recorder, provenance, artifact, compilation)
        else:
            instance.start()
        if routing is None and self.routes:
            from runtime.routing import Routing

            wrap = Routing(self, exports, own=own).wrap
        return Module(instance, exports, provenance, names, self.emit, recorder, wrap)

    def _validate(self, artifact: bytes, target: str) -> None:
        from rtfsc.registry import executor

        executor(target).instantiate(artifact, limits=Limits(deadline_ms=1000)).close()

    def forbid_offline(self, what: str) -> None:
        """Raises `StoreError` for what needs a connection where there must be none."""
        if self.offline:
            from runtime.store.errors import StoreError

            raise StoreError(f"offline: no {what}", hint="without --offline, and without RTFSC_OFFLINE")

    def close(self) -> None:
        """Waits for what is being distilled, signs the chain, writes usage counters and closes the store,
        where these were opened."""
        learned = self.__dict__.get("learned")
        if learned is not None:
            learned.close()
        if self.auditor is not None:
            self.auditor.close()
        opened = self.__dict__.get("delegation")
        if opened is not None and opened is not self._delegation_option:
            opened.close()
        if "store" in self.__dict__:
            self.store.close()

    def __enter__(self) -> Runtime:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _location(store: str | os.PathLike[str]) -> Location:
    from runtime.store.location import Location

    return Location.parse(store)
