"""Local models: what a process of its own and a grammar cost, with the tiny random model."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.timing import interleaved, table

ROOT = Path(__file__).resolve().parent.parent
TOKENS, ROUNDS = 200, 9


def models() -> str:
    """Tokens in this process and in a child, with grammars and without; embeddings in both."""
    try:
        import gguf  # noqa: F401
        import llama_cpp  # noqa: F401
    except ImportError as error:
        return table("Local models", ["what", "measured"], [["left out", str(error)]])
    return "\n".join([_generation(), _grammars(), _embeddings()])


def _made(script: str) -> Any:
    spec = importlib.util.spec_from_file_location(script, ROOT / "scripts" / "models" / f"{script}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _generation() -> str:
    from llama_cpp import Llama

    from rtfsc.gbnf import gbnf
    from runtime.providers.base import Message, Request
    from runtime.providers.llama_cpp import LlamaCpp

    path = _made("tiny").make(ROOT / "build" / "models" / "tiny.gguf")
    inside = Llama(str(path), n_ctx=4096, n_threads=1, n_threads_batch=1, verbose=False)
    child = LlamaCpp("tiny", path=path, threads=1)
    letters = f"root ::= [a-z]{{{TOKENS}}} [a-z]*"

    def asked(grammar: str | None, stream: bool = False) -> Callable[[], int]:
        request = Request("tiny", (Message("user", "x"),), 1.0, TOKENS, seed=1, grammar=grammar)
        return lambda: child.infer(request, (lambda _: None) if stream else None).output_tokens

    def plain() -> int:
        done = inside.create_completion("x", max_tokens=TOKENS, temperature=1.0, seed=1, top_k=0, top_p=1.0,
                                        min_p=0.0)  # fmt: skip
        return int(done["usage"]["completion_tokens"])

    contenders: dict[str, Callable[[], int]] = {
        "llama-cpp-python, in this process": plain,
        "llama_cpp, in a child": asked(None),
        "the same, streamed": asked(None, stream=True),
        "with a grammar of letters": asked(letters),
    }
    times = interleaved(contenders, ROUNDS)
    rows = [[name, f"{seconds / contenders[name]() * 1e6:.0f}"] for name, seconds in times.items()]
    programs = gbnf(4, closed=True)
    made = [child.infer(Request("tiny", (Message("user", "x"),), 1.0, 1500, seed=seed, grammar=programs))
            for seed in range(40)]  # fmt: skip
    each = sum(answer.seconds for answer in made) / sum(answer.output_tokens for answer in made)
    rows.append(["with the grammar of programs", f"{each * 1e6:.0f}"])
    child.close()
    inside.close()
    return table("Local models: a token of the tiny random model", ["who", "µs a token"], rows)


def _grammars() -> str:
    from rtfsc.gbnf import check_gbnf, gbnf

    rows = []
    for closed in (False, True):
        text = gbnf(4, closed=closed)
        contenders: dict[str, Callable[[], object]] = {
            "made": partial(gbnf, 4, closed=closed), "checked": partial(check_gbnf, text),
        }  # fmt: skip
        times = interleaved(contenders, ROUNDS)
        rows.append([f"programs, {'closed' if closed else 'free'} names", f"{len(text) / 1024:.0f} KiB",
                     f"{times['made'] * 1e3:.0f} ms", f"{times['checked'] * 1e3:.0f} ms"])  # fmt: skip
    return table("Grammars of depth 4", ["grammar", "size", "made", "checked"], rows)


def _embeddings() -> str:
    from llama_cpp import Llama

    from runtime.providers.gguf_embedder import GgufEmbedder

    try:
        path = _made("minilm").make(ROOT / "build" / "models")
    except RuntimeError as error:
        return table("Embeddings", ["what", "measured"], [["left out", str(error)]])
    inside = Llama(str(path), embedding=True, n_ctx=512, n_threads=1, n_threads_batch=1, verbose=False)
    child = GgufEmbedder(path)
    text = "The total price of all items in the basket, with the tax of the country"
    times = interleaved(
        {"in this process": lambda: inside.embed(text), "in a child": lambda: child.embed([text])}, 51
    )
    child.close()
    inside.close()
    rows = [[name, f"{seconds * 1e3:.2f} ms"] for name, seconds in times.items()]
    return table("Embedding a sentence with MiniLM", ["where", "time"], rows)
