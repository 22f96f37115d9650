"""Measures the thresholds of an embedder on the half of the corpus that is there for tuning.

    python scripts/calibrate.py              the lexical embedder
    python scripts/calibrate.py MODEL.gguf   an embedding model

Prints what belongs into runtime/meaning/calibration.toml, and what it does on both halves of both corpora.
"""

from __future__ import annotations

import sys
from collections import Counter
from itertools import combinations
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from runtime.meaning.embedding import Embedder, Lexical
from runtime.meaning.gate import differences
from tests.meaning.corpus import Pair, blind, pairs


def main() -> None:
    embedder = _embedder(sys.argv[1:])
    every, unseen = pairs(), blind()
    texts = sorted({text for pair in every + unseen for text in (pair.text, pair.other)})
    vectors = dict(zip(texts, embedder.embed(texts), strict=True))

    def score(one: str, other: str) -> float:
        return sum(x * y for x, y in zip(vectors[one], vectors[other], strict=True))

    tuning = [pair for pair in every if not pair.held_back]
    tasks = sorted({pair.text for pair in tuning})
    unrelated = max(score(a, b) for a, b in combinations(tasks, 2))
    # The gate decides; the threshold keeps away what only happens to share the gate's words: a quarter of
    # the way from other tasks to the same text where examples confirm it, three quarters where not.
    confirmed = unrelated + (1 - unrelated) / 4
    alone = unrelated + (1 - unrelated) * 3 / 4
    print(f'["{embedder.tag}"]\nalone = {alone:.3f}\nconfirmed = {confirmed:.3f}\n')
    print(f"# other tasks come up to {unrelated:.3f}")
    for corpus, part in (("corpus", every), ("blind", unseen)):
        for half, held_back in (("tuning", False), ("held back", True)):
            measured = [pair for pair in part if pair.held_back is held_back]
            for how, least, near in (("alone", alone, False), ("confirmed", confirmed, True)):
                hits = [
                    p for p in measured
                    if score(p.text, p.other) >= least and not differences(p.text, p.other, near)
                ]  # fmt: skip
                print(f"# {corpus}, {half}, {how}: {_figures(measured, hits)}")


def _figures(measured: list[Pair], hits: list[Pair]) -> str:
    right = sum(p.same for p in hits)
    wrong = Counter(p.kind for p in hits if not p.same)
    classes = f" ({', '.join(f'{kind} {n}' for kind, n in sorted(wrong.items()))})" if wrong else ""
    return (f"{right} of {sum(p.same for p in measured)} found, "
            f"{wrong.total()} of {sum(not p.same for p in measured)} wrong{classes}")  # fmt: skip


def _embedder(arguments: list[str]) -> Embedder:
    if not arguments:
        return Lexical()
    from runtime.providers.gguf_embedder import GgufEmbedder

    return GgufEmbedder(arguments[0])


if __name__ == "__main__":
    main()
