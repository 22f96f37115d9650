"""`Runtime`: owns the store, the trust in it, the engines and the limits, and puts the parts together.

Compiling goes through the store where there is one: the text itself, then the action (this compiler, the
same meaning, other names and lines), then the definitions (any compiler) are looked up, and whatever is
found is verified before it runs. A refused entry is a warning and a fresh compilation, never an error,
as long as the source is at hand.
"""

from __future__ import annotations

import hashlib
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from rtfsc.fingerprint import compiler_fingerprint
from rtfsc.source import SourceFile
from runtime.module import Module, Provenance
from runtime.obs.events import BUS, Emit, tell
from runtime.offline import offline as process_offline
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
    from runtime.routing import Routing
    from runtime.solving.learned import Learned
    from runtime.store.config import Choice
    from runtime.store.index import Entry
    from runtime.store.location import Location
    from runtime.store.paths import Paths
    from runtime.store.retrieval import Retrieval
    from runtime.store.store import ModuleStore, VerifiedArtifact
    from runtime.ticketing import TicketOffice
    from runtime.trust.file import TrustFile
    from runtime.trust.keys import KeyRing, Prompt, SigningKey
    from runtime.trust.verifier import Verified, Verifier

TARGETS = {"wasm": "wasm32", "evaluator": "rtfs-ir"}
LOCAL_KEY = "local"


class RefusedEntry(UserWarning):
    """A stored module was refused, or the store failed, and the source was compiled anew instead.
    ``code``: that of the error."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


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

    @cached_property
    def paths(self) -> Paths:
        from runtime.store.paths import Paths, default_paths

        paths = default_paths()
        home = Path(self._home_option).absolute() if self._home_option is not None else paths.home
        given = self._given.folder if self._given is not None else None
        return Paths(home, given or paths.store)

    @cached_property
    def choice(self) -> Choice:
        """Which store is in use, and who said so. Raises `StoreError` for a configuration that is wrong."""
        from runtime.store.config import chosen

        choice = chosen(self._given, self.paths, Path.cwd())
        return choice.offline(self.paths) if self.offline else choice

    @cached_property
    def keys(self) -> KeyRing:
        from runtime.trust.keys import KeyRing

        return KeyRing(self.paths.keys)

    @cached_property
    def trust_file(self) -> TrustFile:
        from runtime.trust.file import TrustFile

        return TrustFile(self.paths.trust)

    @cached_property
    def verifier(self) -> Verifier:
        from runtime.trust.seen import Seen
        from runtime.trust.verifier import Verifier

        return Verifier(self.trust_file.load(), seen=Seen(self.paths.seen))

    @cached_property
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

    @cached_property
    def embedder(self) -> Embedder:
        from runtime.providers.embedders import configured_embedder

        return self._embedder_option or configured_embedder()

    @cached_property
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

    @cached_property
    def learned(self) -> Learned | None:
        """What is learned of the answers of models; None unless there is a store, and the policy has a
        section ``[distil]``."""
        settings = self.delegation.policy.distil if self.delegation is not None else None
        if settings is None or not self.has_store:
            return None
        from runtime.delegation.dispatch import ask_for_value
        from runtime.solving.learned import Learned

        return Learned(self, settings, ask_for_value)

    @cached_property
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

    def _closed_host(self, routing: Routing | None) -> HostCallable | None:
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

    @cached_property
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
        keeps = self._routes or (self.auditor is not None and self.auditor.audit.record)
        found = self._from_store(self._by_text, source) if looks_up and not keeps else None
        if found is not None:
            return found
        compilation = self.compilation(source, engine)
        try:
            routing = self._routing(compilation)
            looks_up = looks_up and (routing is None or not routing.symbols)
            found = self._from_store(self._by_meaning, compilation) if looks_up else None
            if looks_up and found is None:
                tell(self.emit, "store.miss", by="program", request=source.name)
            module = found or self._compiled(compilation, engine)
        except RtfsError as error:
            error.sources = compilation.sources
            raise
        module.__rtfs_sources__ = compilation.sources
        return module

    @property
    def _routes(self) -> bool:
        """Whether calls of functions that nobody marked may run elsewhere."""
        return self._delegation_option is not None and self.delegation is not None and self.delegation.routes

    @property
    def _remembers(self) -> bool:
        """Whether guards are told what was decided: not on record, as a replay must ask as often."""
        return self.auditor is None or not self.auditor.audit.record

    def _routing(self, compilation: Compilation) -> Routing | None:
        """Of a program that is compiled to run here, with its guards; None where no policy says anything."""
        if not self._routes:
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
        if routing is not None and self._remembers:
            routing.bind(instance)
        artifact = compilation.artifact if engine == "wasm" else None
        digest = None if artifact is None else hashlib.sha256(artifact).hexdigest()
        provenance = Provenance("compiled", engine, digest)
        try:
            module = self._run(
                instance, exports, provenance, host, artifact, compilation=compilation, routing=routing
            )
        except RtfsError as error:
            error.warnings = compilation.sink.diagnostics
            raise
        module.__rtfs_warnings__ = compilation.sink.diagnostics
        return module

    # -- retrieving

    def _from_store(self, look_up: Callable[[Any], Module | None], what: Any) -> Module | None:
        """A store that fails is a miss: the source is at hand."""
        from runtime.store.errors import StoreError

        try:
            return look_up(what)
        except StoreError as error:
            _warn(f"the store cannot be read, compiling anew: {error}", error.code)
            return None

    def _by_text(self, source: SourceFile) -> Module | None:
        """This very text, compiled as it would be now."""
        digest = hashlib.sha256(source.text.encode()).hexdigest()
        exact = self.store.find_by_source(digest, compiler_fingerprint(), f"O{self.level}", "wasm32")
        return next(
            (self._load_verified(artifact, None) for artifact in self._fetched(exact, "text", digest)), None
        )

    def _by_meaning(self, compilation: Compilation) -> Module | None:
        """The same definitions under another text; errors will show the lines of this one."""
        folder = self.choice.location.folder
        if folder is not None and not folder.exists():
            return None
        from runtime.matching import match
        from runtime.publishing import action_key

        entry = self.store.find_by_action(action_key(compilation))
        candidates = [entry] if entry else self._by_definitions(compilation)
        asked = ("action", action_key(compilation)) if entry else ("definition", compilation.module_key)
        for artifact in self._fetched(candidates, *asked):
            found = match(compilation.unoptimised, artifact)
            if found is not None:
                module = self._load_verified(artifact, found, compilation)
                module.__rtfs_warnings__ = compilation.sink.diagnostics
                return module
        return None

    def _by_definitions(self, compilation: Compilation) -> list[Entry]:
        from runtime.matching import only_definitions, retrieval_keys

        keys = retrieval_keys(compilation.unoptimised, "wasm32")
        if not keys or not only_definitions(compilation.unoptimised):
            return []
        wanted = set(keys.values())
        return [
            entry
            for entry in self.store.find_by_definition(next(iter(keys.values())))
            if wanted <= {export.retrieval_key for export in entry.description.exports}
        ]

    def _fetched(self, entries: list[Entry], by: str, key: str) -> Iterator[VerifiedArtifact]:
        """Those that are trusted; every outcome goes into the governance log."""
        from runtime.lookups import record
        from runtime.store.errors import StoreError
        from runtime.trust.errors import TrustError

        for entry in entries:
            started = perf_counter()
            try:
                artifact = self.store.fetch(entry)
            except (TrustError, StoreError) as error:
                self.store.quarantine(entry, error)
                record(
                    self, by, key, entry, "refused", perf_counter() - started,
                    detail=f"{error.code} {error.message}", error=error.code,
                )  # fmt: skip
                _warn(f"stored module refused, compiling anew: {error}", error.code)
                continue
            self.store.touch(entry)
            record(self, by, key, entry, "hit", perf_counter() - started, detail=entry.name)
            yield artifact

    def _load_verified(
        self, artifact: VerifiedArtifact, found: Any, compilation: Compilation | None = None
    ) -> Module:
        from backend_wasm.sections import read_interface
        from runtime.vouched import refuse_undeclared

        refuse_undeclared(artifact.artifact, artifact.verified)
        exports = {e["name"]: e for e in read_interface(artifact.artifact)["exports"]}
        provenance = Provenance("store", "wasm", artifact.entry.digest, artifact.signers[0])
        if found is None:
            host = self.host(exports)
            instance = self._instantiate(artifact.artifact, host=host)
            return self._run(instance, exports, provenance, host, artifact.artifact)
        renamed = {name: exports[stored] for name, stored in found.exports.items()}
        # Both: code calls a declared function by the name that it had when it was published.
        host = self.host({**renamed, **exports})
        instance = self._instantiate(artifact.artifact, spans=found.spans, names=found.names, host=host)
        return self._run(instance, renamed, provenance, host, artifact.artifact, found.exports, compilation)

    # -- by interface

    def find(self, signature: str) -> list[Found]:
        """Stored functions of exactly the interface that ``(declare name [a : T …] : R)`` states,
        newest first. The name and those of the parameters do not matter."""
        from rtfsc.signature import interface_hash_of

        wanted = interface_hash_of(signature)
        found = []
        for entry in self.store.find_by_interface(wanted, "wasm32"):
            for export in entry.description.exports:
                if export.interface_hash == wanted:
                    found.append(Found(self, entry, export.name))
        return found

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
        from runtime.lookups import record

        started = perf_counter()
        artifact = self.store.fetch(entry) if exact else self.store.fetch_current(entry, _part(entry, export))
        self.store.touch(entry)
        by, key = ("interface", export) if export else ("name", entry.name)
        record(self, by, key, entry, "hit", perf_counter() - started)
        return self._load_verified(artifact, None)

    # -- files

    def load(
        self, module: str | os.PathLike[str] | bytes, *, modules: Mapping[str, bytes] | None = None
    ) -> Module:
        """A compiled module from a file or from bytes. A manifest beside the file (``x.wasm.dsse``) is
        verified; a module without one is taken as it is, with no capability and never into a store. What a
        module was compiled separately from is found beside its file, or in ``modules``, by name.

        Raises `TrustError` if there is a manifest and it does not hold, `ModuleRejected` for bytes that
        are no module of ours.
        """
        if isinstance(module, (bytes, bytearray)):
            return self._load_bytes(bytes(module), None, None, modules or {})
        path = Path(module)
        data = path.read_bytes()
        verified = None
        if Path(f"{path}.dsse").exists():
            from runtime.vouched import verified_file

            verified = verified_file(path, data, self.verifier)
        return self._load_bytes(data, verified, path, modules or {})

    def _linked(
        self, data: bytes, verified: Verified | None, path: Path | None, modules: Mapping[str, bytes]
    ) -> dict[str, bytes]:
        """The modules that a module needs, given or beside its file."""
        from runtime.linked import beside, given, needed

        names = needed(data)
        if not names:
            return {}
        if modules or path is None:
            from runtime.trust.errors import DifferentSigners

            if verified is not None:
                raise DifferentSigners(
                    "a signed module takes no modules that are not signed; leave them beside it"
                )
            return given(names, modules)
        return beside(path, names, self.verifier, verified)

    def _load_bytes(
        self, data: bytes, verified: Verified | None, path: Path | None, modules: Mapping[str, bytes]
    ) -> Module:
        digest = hashlib.sha256(data).hexdigest()
        signer = verified.signers[0].public.key_id if verified else None
        if data[:4] == b"\0asm":
            from runtime.wasm.executor import read

            linked = self._linked(data, verified, path, modules)
            interface, _ = read(data)
            exports = {e["name"]: e for e in interface["exports"]}
            routing, host = self._file_host(interface.get("guards"), exports, signer, compiled=True)
            instance = self._instantiate(data, host=host, modules=linked)
            provenance = Provenance("file", "wasm", digest, signer)
            return self._run_file(instance, exports, provenance, host, data, routing)
        from backend_wasm.interface import describe_guards
        from rtfsc.evaluation import exports_of
        from rtfsc.ir.errors import IRError
        from rtfsc.ir.serial import loads
        from rtfsc.registry import executor
        from runtime.wasm.errors import ModuleRejected

        try:
            module = loads(data)
            exports = exports_of(module)
            routing, host = self._file_host(describe_guards(module), exports, signer, compiled=False)
            instance = executor("rtfs-ir").instantiate(data, limits=self.limits, host=host)
        except IRError as error:
            raise ModuleRejected(f"not an RTFS module: {error}", hint=_what_it_is(data)) from None
        provenance = Provenance("file", "evaluator", digest, signer)
        return self._run_file(instance, exports, provenance, host, data, routing)

    def _file_host(
        self, guards: Any, exports: Mapping[str, Mapping[str, Any]], signer: str | None, *, compiled: bool
    ) -> tuple[Routing | None, HostCallable | None]:
        """Of a module in a file, which lists its ``guards``."""
        routing = None
        if guards:
            from runtime.routing import of_file

            routing = of_file(self, guards, exports, compiled=compiled)
        return routing, self._closed_host(routing) if signer is None else self.host(routing=routing)

    def _run_file(
        self,
        instance: Any,
        exports: Mapping[str, Mapping[str, Any]],
        provenance: Provenance,
        host: HostCallable | None,
        data: bytes,
        routing: Routing | None,
    ) -> Module:
        wrap = None
        if routing is not None:
            routing.ask(instance, remember=self._remembers)
            wrap = routing.wrap if self._routes else None
        return self._run(instance, exports, provenance, host, data, routing=routing, wrap=wrap)

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

    def _instantiate(self, artifact: bytes, **tables: Any) -> Any:
        from rtfsc.registry import executor

        return executor("wasm32").instantiate(artifact, limits=self.limits, **tables)

    def _run(
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
    ) -> Module:
        """Evaluates the top level once, so that what is wrong with it shows here and not at the first call.
        Where it raises, functions in the data of the error keep the instance. ``routing``: of an instance
        with guards; ``wrap``: what routes calls of its other exports."""
        recorder: Any = host if self.auditor is not None else None
        if self.auditor is not None and recorder is not None:
            self.auditor.start(instance, recorder, provenance, artifact, compilation)
        else:
            instance.start()
        if routing is None and self._routes:
            from runtime.routing import Routing

            wrap = Routing(self, exports).wrap
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


class Found:
    """A stored function that was found by its interface."""

    def __init__(self, runtime: Runtime, entry: Entry, name: str) -> None:
        self.runtime, self.entry, self.name = runtime, entry, name

    def load(self) -> Any:
        """The callable, from the verified module."""
        return self.runtime.get(self.entry, self.name)[self.name]

    def __repr__(self) -> str:
        return f"<stored function {self.name} of {self.entry.name} {self.entry.digest[:16]}>"


def _part(entry: Entry, export: str | None) -> str:
    """By what versions of the entry are told apart."""
    from runtime.store.publications import part_of

    hashes = {e.name: e.interface_hash for e in entry.description.exports}
    return "" if export is None else part_of(export, hashes[export])


def _location(store: str | os.PathLike[str]) -> Location:
    from runtime.store.location import Location

    return Location.parse(store)


def _warn(message: str, code: str) -> None:
    """Warns at the line that called into rtfsc."""
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_globals["__name__"].startswith(("runtime.", "rtfsc.")):
        level, frame = level + 1, frame.f_back
    warnings.warn(RefusedEntry(message, code), stacklevel=level)


def _what_it_is(data: bytes) -> str:
    """For bytes that are no module at all."""
    if data.lstrip()[:1] in (b"(", b";", b"#"):
        return "this is text: 'rtfsc build' compiles source, 'rtfsc run' takes it as a .rtfs file"
    return "WebAssembly starts with the bytes 00 61 73 6d, serialised IR with 00 72 74 66 73 69 72"
