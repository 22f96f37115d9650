"""Look-ups by meaning: how long they take among 100,000 modules, and what graphs find of what is there.

The texts are task descriptions made from parts; they are embedded by MiniLM where its model can be made
(scripts/models/minilm.py), else by the lexical embedder, and kept below build/ for the next run.
"""

from __future__ import annotations

import os
import random
import tempfile
import time
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.timing import table

ROOT = Path(__file__).resolve().parent.parent
MODULES = int(os.environ.get("RTFSC_BENCH_MODULES", "100000"))
QUERIES = 1000
SIZES = (10_000,) * 3 + (5_000,) * 4 + (1_000,) * 20 + (100,) * 200 + (10,) * 900 + (1,) * 1_000


def _words(text: str) -> list[str]:
    return text.split()


VERBS = _words(
    "Compute Convert Count Extract Filter Find Format Group List Merge Normalise Parse Rank Remove "
    "Round Select Sort Split Sum Validate"
)
THINGS = _words(
    "orders invoices customers temperatures distances words lines email addresses timestamps prices "
    "salaries payments tickets messages files images passwords matrices polygons points accounts "
    "loans bookings flights parcels recipes scores students grades books albums tracks sensors "
    "readings meters vehicles routes warehouses products reviews"
)
CONDITIONS = [
    "above {} dollars", "older than {} days", "with more than {} characters", "from the last {} months",
    "below {} percent", "that occur {} times", "of the top {} regions", "heavier than {} kilograms",
    "in groups of {}", "within {} kilometers", "rounded to {} digits", "with at least {} items",
]  # fmt: skip
GOALS = [
    "and return the average", "and keep the newest", "without duplicates", "in descending order",
    "per customer", "as a map by name", "and sum the rest", "ignoring case", "before the given date",
    "for each country",
]  # fmt: skip


def meaning() -> str:
    texts = some_texts(MODULES)
    tag, vectors = _vectors(texts)
    queries = [_asked(text) for text in random.Random(2).sample(texts, min(QUERIES, len(texts)))]
    wanted = _embedded(tag, queries)
    return "\n".join([_groups(tag, texts, vectors, wanted), _graphs(tag, texts, vectors, wanted)])


def some_texts(count: int) -> list[str]:
    """The same for the same count; none twice."""
    return list(_texts(count))


def _texts(count: int) -> Iterator[str]:
    chosen, seen = random.Random(1), set()
    while len(seen) < count:
        condition = chosen.choice(CONDITIONS).format(chosen.randint(2, 500))
        text = f"{chosen.choice(VERBS)} the {chosen.choice(THINGS)} {condition} {chosen.choice(GOALS)}"
        if text not in seen:
            seen.add(text)
            yield text


def _asked(text: str) -> str:
    """The same task as somebody else would say it."""
    verb, rest = text.split(" ", 1)
    return f"Given data, {verb.lower()} {rest.replace(' the ', ' all ', 1)}"


def _vectors(texts: list[str]) -> tuple[str, Any]:
    tag = _tag()
    return tag, embedded_texts(tag, texts)


def embedded_texts(tag: str, texts: list[str]) -> Any:
    """One row each; kept in build/bench, since a model takes minutes for them."""
    import numpy as np

    path = ROOT / "build" / "bench" / f"meaning-{tag}-{len(texts)}.f32"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        _embedded(tag, texts).tofile(path)
    return np.fromfile(path, np.float32).reshape(len(texts), -1)


def model_file() -> Path:
    """all-MiniLM-L6-v2, where `scripts/models/minilm.py` has made it."""
    return ROOT / "build" / "models" / "minilm-l6-v2.gguf"


def _tag() -> str:
    from runtime.meaning.embedding import Lexical

    return "minilm" if model_file().exists() else Lexical.tag


def _embedded(tag: str, texts: list[str]) -> Any:
    import numpy as np

    from runtime.meaning.embedding import Lexical
    from runtime.providers.gguf_embedder import GgufEmbedder

    embedder = GgufEmbedder(model_file()) if tag == "minilm" else Lexical()
    return np.array([np.frombuffer(v, np.float32) for v in embedder.embed(texts)], np.float32)


# -- groups of one interface


def _groups(tag: str, texts: list[str], vectors: Any, wanted: Any) -> str:
    from runtime.store.sqlite import SqliteIndex

    sizes = _scaled(len(texts))
    with tempfile.TemporaryDirectory() as folder:
        index = SqliteIndex(Path(folder) / "index.sqlite")
        names = [f"{number:064x}" for number, size in enumerate(sizes) for _ in range(size)]
        _fill(index, tag, names, texts, vectors)
        chosen = random.Random(3)
        groups = sorted(set(names))
        first = [_seconds(lambda g=g: index.nearest(g, tag, wanted[0].tobytes(), 8)) for g in groups]
        # As in use: large groups are asked as often as they are large.
        asked = [(chosen.choice(names), wanted[i % len(wanted)].tobytes()) for i in range(2 * QUERIES)]
        warm = [_seconds(lambda q=q: index.nearest(q[0], tag, q[1], 8)) for q in asked]
        index.close()
    rows = [["first look-up in a group", *_quantiles(first)], ["further look-ups", *_quantiles(warm)]]
    return table(
        f"Look-ups by meaning among {len(texts):,} modules in {len(sizes):,} groups ({tag}, SQLite, "
        "without embedding)",
        ["", "median", "p99", "bar (p99)"], [[*row, "5 ms"] for row in rows],
    )  # fmt: skip


def _scaled(count: int) -> list[int]:
    sizes, left = [], count
    for size in SIZES:
        take = min(left, max(1, size * count // sum(SIZES)))
        sizes.append(take)
        left -= take
        if not left:
            break
    return sizes + [1] * left


def _fill(index: Any, tag: str, groups: list[str], texts: list[str], vectors: Any) -> None:
    from runtime.store import rows

    with index.transaction() as connection:
        columns = ("id", *rows.WRITTEN, *rows.STATE, "serial", "pinned")
        marks = ", ".join("?" * len(columns))
        sample = dict.fromkeys(columns, "x")
        for number, (group, text, vector) in enumerate(zip(groups, texts, vectors, strict=True), 1):
            entry = {**sample, "id": number, "name": f"m{number}", "action_key": f"{number}", "serial": 1,
                     "pinned": 0, "validation_status": "Verified", "creation_timestamp": number,
                     "last_used_timestamp": None, "use_count": 0}  # fmt: skip
            connection.execute(
                f"INSERT INTO rtfs_modules ({', '.join(columns)}) VALUES ({marks})",
                [entry[c] for c in columns],
            )
            connection.execute(
                f"INSERT INTO rtfs_meanings (module_id, {', '.join(rows.MEANING)}) VALUES (?, ?, ?, ?, ?, ?)",
                (number, "f", group, tag, text, vector.tobytes()),
            )


# -- graphs over one large group


def _graphs(tag: str, texts: list[str], vectors: Any, wanted: Any) -> str:
    import numpy as np

    from runtime.store.sqlite import SqliteIndex

    exact = np.argmax(vectors @ wanted.T, axis=0)
    best = [float(vectors[i] @ w) for i, w in zip(exact, wanted, strict=True)]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        index = SqliteIndex(Path(folder) / "index.sqlite")
        _fill(index, tag, ["0" * 64] * len(texts), texts, vectors)
        ask = _asker(index, "0" * 64, tag)
        ask(wanted[0])
        rows.append(_recall("exact, one matrix (SQLite)", ask, wanted, best, 0.0))
        took = _seconds(lambda: index.prepare_groups(len(texts) // 2))
        rows.append(_recall("usearch (SQLite)", ask, wanted, best, took))
        index.close()
    rows += _postgres(tag, texts, vectors, wanted, best)
    return table(
        f"One group of {len(texts):,} ({tag}): recall of the best against exact search",
        ["index", "recall@1", "median", "p99", "built in"], rows,
    )  # fmt: skip


def _asker(index: Any, group: str, tag: str) -> Callable[[Any], Any]:
    return lambda vector: index.nearest(group, tag, vector.tobytes(), 1)


def _recall(name: str, ask: Callable[[Any], Any], wanted: Any, best: list[float], built: float) -> list[str]:
    ask(wanted[0])
    times, right = [], 0
    for vector, score in zip(wanted, best, strict=True):
        start = time.perf_counter()
        [near] = ask(vector)
        times.append(time.perf_counter() - start)
        right += near.score >= score - 1e-5
    return [name, f"{right / len(best):.4f}", *_quantiles(times), f"{built:.1f} s"]


def _postgres(tag: str, texts: list[str], vectors: Any, wanted: Any, best: list[float]) -> list[list[str]]:
    try:
        from runtime.store.opening import open_index
        from services import Unavailable
        from services.postgres import Postgres
    except ImportError as error:
        return [["pgvector", f"left out: {error}", "", "", ""]]
    try:
        server = Postgres()
    except Unavailable as error:
        return [["pgvector", f"left out: {error}", "", "", ""]]
    try:
        server.start()
        os.environ.update(server.settings())
        index = open_index(f"{server.url}?schema=bench")
        _fill_postgres(index, tag, texts, vectors)
        ask = _asker(index, "0" * 64, tag)
        few = wanted[:20]
        rows = [_recall("exact (PostgreSQL, 20 queries)", ask, few, best[:20], 0.0)]
        took = _seconds(lambda: index.prepare_groups(len(texts) // 2))
        rows.append(_recall("HNSW of pgvector", ask, wanted, best, took))
        index.close()
        return rows
    finally:
        server.close()


def _fill_postgres(index: Any, tag: str, texts: list[str], vectors: Any) -> None:
    from runtime.store import rows

    def work(connection: Any) -> None:
        columns = (*rows.WRITTEN, *rows.STATE, "serial", "pinned")
        sample: dict[str, Any] = dict.fromkeys(columns, "x")
        with connection.cursor().copy(f"COPY rtfs_modules ({', '.join(columns)}) FROM STDIN") as copy:
            for number in range(1, len(texts) + 1):
                entry = {**sample, "name": f"m{number}", "action_key": f"{number}", "serial": 1,
                         "pinned": False, "validation_status": "Verified", "creation_timestamp": number,
                         "last_used_timestamp": None, "use_count": 0}  # fmt: skip
                copy.write_row([entry[c] for c in columns])
        [first] = connection.execute("SELECT min(id) FROM rtfs_modules").fetchone()
        into = f"COPY rtfs_meanings (module_id, {', '.join(rows.MEANING)}) FROM STDIN"
        with connection.cursor().copy(into) as copy:
            for number, (text, vector) in enumerate(zip(texts, vectors, strict=True)):
                values = "[" + ",".join(f"{value:.8g}" for value in vector) + "]"
                copy.write_row((first + number, "f", "0" * 64, tag, text, values))

    index.writing(lambda connection: connection.execute("SET LOCAL statement_timeout = 0"))
    index.writing(
        lambda connection: (connection.execute("SET LOCAL statement_timeout = 0"), work(connection))
    )


def _seconds(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _quantiles(seconds: list[float]) -> list[str]:
    ordered = array("d", sorted(seconds))
    return [f"{ordered[int(len(ordered) * share)] * 1e3:.2f} ms" for share in (0.5, 0.99)]
