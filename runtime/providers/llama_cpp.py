"""Language models in GGUF files on this machine, through llama.cpp (`rtfsc[llama]`)."""

from __future__ import annotations

import os
import time
from functools import lru_cache
from typing import Any

from runtime.providers.base import Health, OnText, Request, Response, StopReason
from runtime.providers.errors import Misconfigured, Refused
from runtime.providers.llama.file import ModelFile
from runtime.providers.llama.process import LlamaProcess


class LlamaCpp:
    """``path``: of the model. ``context``: most tokens of prompt and answer together. ``threads``: 0 for
    half of the processors. ``gpu_layers``: computed on a graphics card, -1 for all, where the installed
    llama.cpp has support for one. ``memory``: most MiB of address space of the model's process, 0 for no
    limit.

    The model runs in a process of its own, which is started by the first question, and anew after a crash.
    """

    local = True

    def __init__(
        self,
        id: str,
        *,
        path: str | os.PathLike[str],
        context: int = 4096,
        threads: int = 0,
        gpu_layers: int = 0,
        memory: int = 0,
    ) -> None:
        if not isinstance(path, (str, os.PathLike)):
            raise Misconfigured(id, "path must be a text")
        limits = (("context", context, 16), ("threads", threads, 0), ("gpu_layers", gpu_layers, -1),
                  ("memory", memory, 0))  # fmt: skip
        for name, value, least in limits:
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value < 1 << 31:
                raise Misconfigured(id, f"{name} must be a whole number of at least {least}")
        self.id = id
        # What runs was made of the file as it was.
        self._file = ModelFile(id, path, self.close)
        self._process = LlamaProcess(
            id,
            {"path": str(self._file.path), "context": context, "threads": threads,
             "gpu_layers": gpu_layers, "memory": memory, "embedding": False},
        )  # fmt: skip

    @property
    def revision(self) -> str:
        """Of the content of the file. Raises `Misconfigured` where it cannot be read."""
        return self._file.digest()

    def infer(self, request: Request, on_text: OnText | None = None) -> Response:
        start = time.monotonic()
        revision = self.revision
        left = request.timeout - (time.monotonic() - start)
        done = self._process.ask(self._question(request, on_text is not None), left, on_text)
        reason: StopReason = "length" if done["reason"] == "length" else "stop"
        return Response(
            done["text"], self.id, revision, reason, done["input"], done["output"],
            seconds=time.monotonic() - start,
        )  # fmt: skip

    def capabilities(self) -> frozenset[str]:
        return frozenset({"chat", "stream", "grammar", "seed"})

    def cost_per_call(self) -> float:
        return 0.0

    def health(self) -> Health:
        """Does not load the model."""
        from importlib.util import find_spec

        try:
            self._file.check()
        except (OSError, ValueError, Misconfigured) as error:
            return Health(False, str(error))
        if find_spec("llama_cpp") is None:
            return Health(False, "llama-cpp-python is not installed: pip install 'rtfsc[llama]'")
        pid = self._process.pid
        return Health(True, "not loaded yet" if pid is None else f"process {pid}")

    def close(self) -> None:
        """Ends the model's process; the next question starts another one."""
        self._process.close()

    def _question(self, request: Request, stream: bool) -> dict[str, Any]:
        if not 0 <= request.temperature < float("inf"):
            raise Refused(self.id, f"no temperature: {request.temperature}")
        if not 0 < request.top_p <= 1:
            raise Refused(self.id, f"top_p is above 0 and at most 1, not {request.top_p}")
        ascii = False if request.grammar is None else self._examined(request.grammar)
        return {
            "messages": [list(message) for message in request.messages],
            "temperature": float(request.temperature), "top_p": float(request.top_p),
            "max_tokens": max(1, int(request.max_tokens)), "seed": request.seed, "stop": list(request.stop),
            "grammar": request.grammar, "ascii": ascii, "stream": stream,
        }  # fmt: skip

    def _examined(self, grammar: str) -> bool:
        """Whether it derives ASCII alone. Raises `Refused`."""
        from rtfsc.gbnf.check import GbnfError

        try:
            return _only_ascii(grammar)
        except GbnfError as error:
            raise Refused(self.id, str(error), hint=error.hint) from None


@lru_cache(16)
def _only_ascii(grammar: str) -> bool:
    from rtfsc.gbnf.check import check_gbnf, only_ascii

    check_gbnf(grammar)
    return only_ascii(grammar)
