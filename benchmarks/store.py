"""The store: first hits, publishing, many at once; in a folder, and over PostgreSQL and S3 on loopback.

Each store has 10,000 modules (``RTFSC_BENCH_MODULES``: another number) besides those that are hit. The last
thousand are published, by eight threads; of the others there is what a search meets, entry and record, and no
content. First hits are measured in processes that are running: each hits 190 modules that it has not seen, of
about 10 KB.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any

from benchmarks.timing import bar, milliseconds, nanoseconds, table

ROOT = Path(__file__).resolve().parent.parent
MODULES = int(os.environ.get("RTFSC_BENCH_MODULES", 10_000))
TOGETHER = min(1_000, MODULES)
VARIANTS = 200
ROUNDS = 5


def store() -> str:
    from services import Unavailable
    from services.ceph import Ceph
    from services.postgres import Postgres

    with tempfile.TemporaryDirectory() as folder:
        texts = variants()
        file = Path(folder) / "texts.json"
        file.write_text(json.dumps(texts))
        os.environ["RTFSC_HOME"] = folder + "/home"
        places = {"folder": folder + "/store"}
        servers: list[Any] = []
        try:
            for kind in (Postgres, Ceph):
                servers.append(kind())
                servers[-1].start()
                os.environ.update(servers[-1].settings())
            places["PostgreSQL + S3"] = f"{servers[0].url} {servers[1].settings()['RTFSC_TEST_S3']}"
        except Unavailable as error:
            print(f"only the folder: {error}", file=sys.stderr)
        try:
            return "\n".join([_publishing(places, texts), _first_hits(places, file, folder)])
        finally:
            for server in servers:
                server.close()


def variants() -> list[str]:
    """Programs with the same functions and another tax each."""
    text = (ROOT / "examples/pricing.rtfs").read_text()
    return [text.replace(":de 190", f":de {1000 + i}") for i in range(VARIANTS)]


def _publishing(places: dict[str, str], texts: list[str]) -> str:
    rows = []
    compiled = _compiled(texts)
    size = statistics.median(len(c.artifact) for c in compiled)
    for name, place in places.items():
        together = _fill(place)
        times = _publish(place, compiled)
        median = statistics.median(times)
        rows += [
            [f"{name}: publish a module of {size / 1e3:.0f} KB, without certification",
             f"{milliseconds(median)}, p99 {milliseconds(_p99(times))}", f"≤ 50 ms: {bar(median, 0.05)}"],
            [f"{name}: {TOGETHER:,} modules from 8 threads", f"{milliseconds(together / TOGETHER)} each", ""],
        ]  # fmt: skip
    return table(f"Publishing in a store of {MODULES:,} modules", ["what", "measured", "bar"], rows)


def _compiled(texts: list[str]) -> list[Any]:
    from rtfsc.driver import Compilation
    from rtfsc.options import CompileOptions
    from rtfsc.source import SourceFile

    compiled = [
        Compilation(SourceFile(f"v{i}.rtfs", text), CompileOptions(module_name=f"variant{i}"))
        for i, text in enumerate(texts)
    ]
    for compilation in compiled:
        assert compilation.artifact
    return compiled


def _publish(place: str, compiled: list[Any]) -> list[float]:
    """Seconds each: validate, sign, write, record."""
    from runtime.engine import LOCAL_KEY, Runtime
    from runtime.publishing import predicate, source_text

    times = []
    with Runtime.init(store=place) as runtime:
        key = runtime.keys.load(LOCAL_KEY)
        for compilation in compiled:
            described, text = predicate(compilation, None), source_text(compilation)
            start = time.perf_counter()
            runtime.store.publish(compilation.artifact, described, key, source=text)
            times.append(time.perf_counter() - start)
    return times


def _fill(place: str) -> float:
    """Modules that nobody asks for; seconds for those that are published."""
    from runtime.engine import LOCAL_KEY, Runtime
    from runtime.store.opening import open_store

    runtime = Runtime.init(store=place)
    key = runtime.keys.load(LOCAL_KEY)
    with open_store(runtime.choice.location, runtime.verifier) as store, ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda i: _enter_other(store, key, i), range(TOGETHER, MODULES)))
        store.log.seal(key)
        start = time.perf_counter()
        list(threads.map(lambda i: _publish_other(store, key, i), range(TOGETHER)))
        return time.perf_counter() - start


def _enter_other(store: Any, key: Any, number: int) -> None:
    from runtime.store.index import Description, NewEntry
    from runtime.trust.statement import Statement

    described = _other(number)._replace(serial=1, signed_at=int(time.time()))
    statement = Statement(_digest("artifact", number), described)
    entry = NewEntry(
        Description.of(statement), None, _digest("manifest", number), key.public.key_id,
        int(time.time() * 1000),
    )  # fmt: skip
    store.index.add(entry, None, store.log.leaf_of(statement, key))


def _publish_other(store: Any, key: Any, number: int) -> None:
    artifact = b"\0asm\1\0\0\0" + _digest("artifact", number).encode() * 20
    store.publish(artifact, _other(number), key, source=_digest("text", number))


def _other(number: int) -> Any:
    from runtime.trust.statement import Build, Export, Predicate

    build = Build(_digest("action", number), "wasm32", "O2", "compiler", "rt", (1, 0))
    keys = (_digest(what, number) for what in ("def", f"interface{number % 100}", "retrieval"))
    export = Export("f", "function", *keys)
    return Predicate(f"other{number}", build, (export,), _digest("interface", number))


def _digest(what: str, number: int) -> str:
    return sha256(f"{what}{number}".encode()).hexdigest()


def _first_hits(places: dict[str, str], texts: Path, folder: str) -> str:
    folder_place, *team = places.values()
    cases: dict[str, tuple[str, str | None, float]] = {
        "folder, native cache warm": (folder_place, folder + "/warm", 0.002),
        "folder, native cache cold": (folder_place, None, 0.040),
    }
    for place in team:
        cases["PostgreSQL + S3, caches cold"] = (place, None, 0.060)
        cases["PostgreSQL + S3, caches warm"] = (place, folder + "/team", 0.060)
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in cases}
    for round in range(ROUNDS + 1):
        for name, (place, cache, _) in cases.items():
            result = _hits(place, texts, cache or f"{folder}/cold{round}-{len(found[name])}-{name[:6]}")
            if round:  # the first one fills the caches that are warm
                found[name].append(result)
    rows = []
    for name, (_, _, limit) in cases.items():
        p99 = statistics.median(_p99(result["first"]) for result in found[name])
        median = statistics.median(statistics.median(result["first"]) for result in found[name])
        cpu = statistics.median(_p99(result["cpu"]) for result in found[name])
        measured = f"{milliseconds(median)}, p99 {milliseconds(p99)} (processor: {milliseconds(cpu)})"
        rows.append([f"first hit: {name}", measured, f"p99 ≤ {limit * 1e3:.0f} ms: {bar(p99, limit)}"])
    for name in [n for n in cases if "warm" in n]:
        call = statistics.median(result["call"] for result in found[name])
        rows.append([f"warm hit: {name}", nanoseconds(call), f"≤ 1 µs: {bar(call, 1e-6)}"])
        many = sorted(found[name], key=lambda result: result["together_seconds"])[ROUNDS // 2]
        errors = sum(result["errors"] for result in found[name])
        rows.append(
            [f"1,000 hits from 8 threads: {name}",
             f"{1000 / many['together_seconds']:.0f} a second, p99 {milliseconds(_p99(many['together']))}",
             f"no error: {bar(errors, 0)}"]
        )  # fmt: skip
    return table(f"Hits in a store of {MODULES:,} modules", ["what", "median", "bar"], rows)


def _hits(place: str, texts: Path, cache: str) -> dict[str, Any]:
    environment = {**os.environ, "RTFSC_CACHE_DIR": cache, "RTFSC_STORE": place, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "benchmarks.store", str(texts)]
    done = subprocess.run(command, env=environment, cwd=ROOT, check=True, capture_output=True, text=True)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def _p99(times: Sequence[float]) -> float:
    return sorted(times)[len(times) * 99 // 100]


def _child(texts: list[str]) -> dict[str, Any]:
    """What a process measures that hits every one of these for the first time."""
    import rtfsc

    order = {rtfsc.Keyword("units"): 12, rtfsc.Keyword("price"): 999}
    runtime = rtfsc.Runtime(store=True)

    def hit(text: str) -> Any:
        module = runtime.compile(text)
        assert module.__provenance__.origin == "store" and module.line_total(order) == 11389
        return module

    for text in texts[:10]:
        hit(text)
    first = [_timed(hit, text) for text in texts[10:]]
    result: dict[str, Any] = {"first": [wall for wall, _ in first], "cpu": [cpu for _, cpu in first]}
    result["call"] = _call_seconds(hit(texts[0]).discount_percent)
    result |= _together(hit, texts)
    runtime.close()
    return result


def _timed(work: Callable[[str], object], text: str) -> tuple[float, float]:
    start, cpu = time.perf_counter(), time.process_time()
    work(text)
    return time.perf_counter() - start, time.process_time() - cpu


def _call_seconds(function: Callable[[int], object]) -> float:
    times = []
    for _ in range(5):
        start = time.perf_counter()
        for n in range(20_000):
            function(n)
        times.append((time.perf_counter() - start) / 20_000)
    return statistics.median(times)


def _together(hit: Callable[[str], object], texts: list[str]) -> dict[str, Any]:
    errors: list[Exception] = []

    def one(number: int) -> float:
        start = time.perf_counter()
        try:
            hit(texts[number % len(texts)])
        except Exception as error:
            errors.append(error)
        return time.perf_counter() - start

    start = time.perf_counter()
    with ThreadPoolExecutor(8) as threads:
        times = list(threads.map(one, range(1000)))
    elapsed = time.perf_counter() - start
    return {"together": times, "together_seconds": elapsed, "errors": len(errors)}


if __name__ == "__main__":
    print(json.dumps(_child(json.loads(Path(sys.argv[1]).read_text()))))
