"""From source to a signed entry of the store: compile, certify, describe, sign, store."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import TYPE_CHECKING, Any

from backend_wasm.layout import ABI_MAJOR, ABI_MINOR
from runtime.obs.events import tell
from runtime.values import DeadlineExceeded, Limits

if TYPE_CHECKING:
    from rtfsc.driver import Compilation
    from rtfsc.ir.nodes import Export, Module
    from rtfsc.source import SourceFile
    from runtime.engine import Runtime
    from runtime.store.index import Entry
    from runtime.trust.keys import Prompt, SigningKey
    from runtime.trust.statement import Certificate, Predicate, Validity

# An input on which a function does not end costs this many milliseconds and proves nothing. More only where
# the top level needs more, or the machine is busy.
_CERTIFY_MS = (50, 500, 5000)
_CERTIFY_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class Publication:
    """``created``: False where the store had this very build already. ``size``: bytes of the module."""

    entry: Entry
    created: bool
    certificate: Certificate
    size: int

    @property
    def digest(self) -> str:
        return self.entry.digest


def publish(
    runtime: Runtime,
    source: SourceFile,
    *,
    name: str,
    keys: Sequence[str | SigningKey],
    inputs: int | None,
    prompt: Prompt | None,
    expires_days: int | None = None,
    purpose: str = "",
) -> Publication:
    started = perf_counter()
    compilation = _compilation(runtime, source, name, purpose)
    compilation.refuse_warnings()
    certificate = certified(compilation, inputs)
    signers = [runtime.keys.load(key, prompt) if isinstance(key, str) else key for key in keys]
    about = predicate(compilation, certificate)
    published = runtime.store.publish(
        compilation.artifact,
        about._replace(validity=_validity(runtime, expires_days)),
        *signers,
        source=source_text(compilation),
    )
    if published.created:
        entry = published.entry
        _describe(runtime, entry, compilation.artifact)
        tell(
            runtime.emit, "store.published",
            module=entry.name, digest=entry.digest, signer=entry.signer, seconds=perf_counter() - started,
        )  # fmt: skip
    _announce_rotations(runtime, keys)
    return Publication(published.entry, published.created, certificate, len(compilation.artifact))


def _validity(runtime: Runtime, days: int | None) -> Validity:
    from runtime.trust.statement import Validity

    now = int(runtime.verifier.clock.checked())
    return Validity() if days is None else Validity(now, now + days * 86400)


def _announce_rotations(runtime: Runtime, keys: Sequence[str | SigningKey]) -> None:
    """Puts on record whose successors the keys are: a team learns of it where it looks for modules. What is
    published is published, whether or not that can be written."""
    from runtime.store.errors import StoreError
    from runtime.trust.rotation import leading_here

    names = [key for key in keys if isinstance(key, str)]
    statements = [signed for name in names for signed in leading_here(runtime.keys, name)]
    try:
        if statements:
            runtime.store.log.adopt(statements)
    except StoreError as error:
        _warn(f"whose successor the key is, is not on record until 'rtfsc trust update': {error}")


def manifest(
    runtime: Runtime, compilation: Compilation, key: str | SigningKey, prompt: Prompt | None
) -> bytes:
    from runtime.trust import envelope
    from runtime.trust.statement import Statement

    signer = runtime.keys.load(key, prompt) if isinstance(key, str) else key
    digest = hashlib.sha256(compilation.artifact).hexdigest()
    about = predicate(compilation, certified(compilation, None))
    statement = Statement(digest, about._replace(signed_at=int(runtime.verifier.clock.checked())))
    return envelope.sign(statement.encode(), signer).encode()


def module_manifest(
    runtime: Runtime, compilation: Compilation, module: Module, key: str | SigningKey
) -> bytes:
    """For a module that was compiled separately from the program. It is the program that is certified, with
    all of its modules linked to it."""
    from runtime.trust import envelope
    from runtime.trust.statement import Statement

    signer = runtime.keys.load(key, None) if isinstance(key, str) else key
    artifact = compilation.compile_separately(module)
    unit = next(unit for unit in compilation.units if unit.name == module.name)
    about = _about(module, module.name, compilation, compilation.separate_key(module), unit.source.text)
    about = about._replace(effects=_effects(module, compilation, artifact))
    digest = hashlib.sha256(artifact).hexdigest()
    statement = Statement(digest, about._replace(signed_at=int(runtime.verifier.clock.checked())))
    return envelope.sign(statement.encode(), signer).encode()


def certified(compilation: Compilation, inputs: int | None) -> Certificate:
    """Runs every export on both engines, on generated inputs and on the examples in its doc. What is
    compiled for another target than wasm32 is certified by its IR."""
    from rtfsc.driver import Compilation
    from rtfsc.evaluation import example_arguments, exports_of, instantiate
    from runtime.store.certify import DEFAULT_INPUTS, certify

    exports = list(exports_of(compilation.ir).values())
    examples = {e.name: example_arguments(e) for e in compilation.ir.exports if e.func}
    for_wasm = compilation
    if compilation.options.target != "wasm32":
        for_wasm = Compilation(compilation.source, replace(compilation.options, target="wasm32"))
    count = DEFAULT_INPUTS if inputs is None else inputs
    for deadline_ms in _CERTIFY_MS:
        limits = Limits(deadline_ms=deadline_ms, memory_bytes=_CERTIFY_BYTES)
        with (
            instantiate(compilation, "evaluator", limits) as evaluator,
            instantiate(for_wasm, "wasm", limits) as wasm,
        ):
            engines = {"evaluator": evaluator, "wasm32": wasm}
            try:
                for instance in engines.values():
                    instance.start()
            except DeadlineExceeded:
                if deadline_ms == _CERTIFY_MS[-1]:
                    raise
                continue
            return certify(engines, exports, inputs=count, examples=examples)
    raise AssertionError("unreachable")


def predicate(compilation: Compilation, certificate: Certificate | None) -> Predicate:
    module, name = compilation.unoptimised, compilation.options.module_name
    about = _about(module, name, compilation, action_key(compilation), source_text(compilation))
    effects = _effects(module, compilation, compilation.artifact)
    return about._replace(certificate=certificate, effects=effects)


def _about(module: Module, name: str, compilation: Compilation, key: str, source: str) -> Predicate:
    from rtfsc.ir.keys import module_interface_hash
    from runtime.trust.statement import Build, Export, Predicate

    options, action = compilation.options, compilation.action
    build = Build(
        action_key=key,
        target=options.target,
        level=f"O{options.level}",
        compiler_fingerprint=action["compiler"],
        rt_digest=action["backend"],
        abi=(ABI_MAJOR, ABI_MINOR),
    )
    exports = tuple(
        Export(
            export.name,
            "function" if export.func else "value",
            export.def_hash,
            export.interface_hash,
            _retrieval_key(export, options.target),
            tuple(export.effects),
        )
        for export in module.exports
    )
    return Predicate(
        name=name,
        build=build,
        exports=exports,
        interface_hash=module_interface_hash(module),
        source_digest=hashlib.sha256(source.encode()).hexdigest(),
    )


def _effects(module: Module, compilation: Compilation, artifact: bytes) -> tuple[str, ...]:
    """Of all exports; where they name none and the module asks the host all the same, that."""
    from runtime.vouched import HOST_EFFECT, asks_host

    named = {effect for export in module.exports for effect in export.effects}
    if not named and compilation.options.target == "wasm32" and asks_host(artifact):
        named = {HOST_EFFECT}
    return tuple(sorted(named))


def source_text(compilation: Compilation) -> str:
    """What is kept as the source: the text; with the texts of imported modules before it if there are any.
    So a program that imports is never found by its own text alone, which does not tell whether the modules
    are still the same; and the whole, being no program, is nobody's own text."""
    files = {unit.name: unit.source.text for unit in compilation.units if not unit.inline}
    if not files:
        return compilation.source.text
    parts = [f"#module {name}\n{text}\n" for name, text in files.items()]
    return "".join([*parts, f"#program\n{compilation.source.text}"])


def _describe(runtime: Runtime, entry: Entry, artifact: bytes) -> None:
    """A module is published whether or not a model can say what it is for, and that can be written."""
    from runtime.providers.errors import ProviderError
    from runtime.searching import describe
    from runtime.store.errors import StoreError

    try:
        describe(runtime, entry, artifact)
    except (ProviderError, StoreError) as error:
        _warn(f"{entry.name} is published, but not found by its meaning until 'rtfsc store embed': {error}")


def _warn(message: str) -> None:
    import warnings

    warnings.warn(message, UserWarning, stacklevel=3)


def action_key(compilation: Compilation) -> str:
    """What this very build is found by: the meaning of the module and all that decides its bytes."""
    from rtfsc.ir.keys import action_key as key

    action = compilation.action
    return key(
        compilation.module_key,
        compiler_fingerprint=action["compiler"],
        rt_digest=action["backend"],
        features=compilation.features,
        level=action["level"],
    )


def _retrieval_key(export: Export, target: str) -> str:
    from rtfsc.ir.keys import retrieval_key

    return retrieval_key(export.def_hash, export.interface_hash, target, ABI_MAJOR)


def _compilation(runtime: Runtime, source: SourceFile, name: str, purpose: str) -> Any:
    from rtfsc.driver import Compilation
    from rtfsc.options import CompileOptions

    options = CompileOptions(
        level=runtime.level, module_name=name, path=runtime.path, keep_modules=False, purpose=purpose
    )
    return Compilation(source, options)
