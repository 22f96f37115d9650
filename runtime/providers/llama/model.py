"""A model in llama.cpp, as the child uses it: prompts of messages, sampling under a grammar, embeddings."""

from __future__ import annotations

import codecs
import ctypes
from collections import deque
from typing import TYPE_CHECKING, Any

import llama_cpp
import numpy as np
from llama_cpp import Llama

from runtime.providers.llama.prompt import Prompts
from runtime.providers.llama.sampling import Sampler, Samplers, Unanswerable

if TYPE_CHECKING:
    from runtime.providers.llama.child import Channel

_BATCH = 512
"""Tokens that are computed together. What an earlier prompt began with is kept in whole batches, so that the
same request always takes the same computation."""


_ERROR = 4
_said: deque[str] = deque(maxlen=3)
"""The last errors that llama.cpp told of."""


@llama_cpp.llama_log_callback  # type: ignore[untyped-decorator]
def _listen(level: int, text: bytes, _: Any) -> None:
    if level == _ERROR:
        _said.append(text.decode("utf-8", "replace").strip())


llama_cpp.llama_log_set(_listen, ctypes.c_void_p(0))


class Model:
    """``settings``: path, context, threads (0: as llama.cpp thinks best), gpu_layers, embedding."""

    def __init__(self, settings: dict[str, Any]) -> None:
        threads = settings["threads"] or None
        try:
            self._llama = Llama(
                settings["path"], n_ctx=settings["context"], n_batch=_BATCH, n_threads=threads,
                n_threads_batch=threads, n_gpu_layers=settings["gpu_layers"],
                embedding=settings["embedding"], verbose=False,
            )  # fmt: skip
        except ValueError as error:
            raise ValueError("; ".join(_said) or str(error)) from error
        self._vocabulary = self._llama._model.vocab
        self._prompts = Prompts(self._llama)
        self._pieces = [self._piece(token) for token in range(self._llama.n_vocab())]
        self._samplers = Samplers(self._vocabulary, self._pieces)
        self._held: list[int] = []

    def facts(self) -> dict[str, Any]:
        return {"context": self._llama.n_ctx(), "template": self._prompts.has_template}

    def answer(self, request: dict[str, Any], channel: Channel) -> dict[str, Any]:
        if "embed" in request:
            return {"vectors": [self._embed(text, request, channel) for text in request["embed"]]}
        return self._generate(request, channel)

    def _embed(self, text: str, request: dict[str, Any], channel: Channel) -> list[float]:
        """The vector of a text; of a model that gives one for each token, their mean."""
        channel.check(request["id"])
        values = np.asarray(self._llama.embed(_safe(text) or " ", truncate=True), dtype=np.float32)
        return [float(value) for value in (values.mean(axis=0) if values.ndim == 2 else values)]

    # -- generation

    def _generate(self, request: dict[str, Any], channel: Channel) -> dict[str, Any]:
        tokens = self._prompts.tokens(request["messages"])
        context = self._llama.n_ctx()
        if len(tokens) >= context:
            raise Unanswerable("refused", f"the prompt has {len(tokens)} tokens, the context {context}")
        sampler = self._samplers.sampler(request)
        try:
            self._read(tokens, request["id"], channel)
            return self._write(tokens, request, sampler, channel)
        finally:
            sampler.close()

    def _read(self, tokens: list[int], id: int, channel: Channel) -> None:
        """Computes the prompt, but for the batches that it shares with the one before."""
        held, at = self._held, 0
        if self._llama._is_recurrent or self._llama._is_hybrid:
            held = []  # their state is that of the end, not of a place in the middle
        while at + _BATCH < len(tokens) and held[at : at + _BATCH] == tokens[at : at + _BATCH]:
            at += _BATCH
        self._held = []
        self._llama.reset()  # type: ignore[no-untyped-call]
        self._llama.n_tokens = at
        for start in range(at, len(tokens), _BATCH):
            channel.check(id)
            self._llama.eval(tokens[start : start + _BATCH])
        self._held = tokens

    def _write(
        self, tokens: list[int], request: dict[str, Any], sampler: Sampler, channel: Channel
    ) -> dict[str, Any]:
        most = min(request["max_tokens"], self._llama.n_ctx() - len(tokens))
        text = _Text(request["stop"])
        made, reason = 0, "length"
        while made < most:
            channel.check(request["id"])
            token = sampler.next(self._logits())
            if llama_cpp.llama_vocab_is_eog(self._vocabulary, token):
                reason = "stop"
                break
            made += 1
            piece = text.add(self._pieces[token])
            if piece and request["stream"]:
                channel.send({"id": request["id"], "text": piece})
            if text.stopped:
                reason = "stop"
                break
            if made < most:
                self._llama.eval([token])
        rest = text.end()
        if rest and request["stream"]:
            channel.send({"id": request["id"], "text": rest})
        return {"text": text.whole, "reason": reason, "input": len(tokens), "output": made}

    def _logits(self) -> Any:
        """Of the last token, as they lie in llama.cpp's memory."""
        found = llama_cpp.llama_get_logits_ith(self._llama._ctx.ctx, -1)
        return np.ctypeslib.as_array(found, shape=(len(self._pieces),))

    def _piece(self, token: int) -> bytes:
        """The bytes of a token; none of those that only control."""
        size = 32
        while True:
            buffer = ctypes.create_string_buffer(size)
            length = llama_cpp.llama_token_to_piece(self._vocabulary, token, buffer, size, 0, False)
            if length >= 0:
                return buffer.raw[:length]
            size = -length


class _Text:
    """The answer as it grows; what may be the beginning of a stop text is held back."""

    def __init__(self, stops: list[str]) -> None:
        self._stops = [stop for stop in stops if stop]
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._told = 0
        self.whole, self.stopped = "", False

    def add(self, piece: bytes) -> str:
        """What can be told now."""
        new = self._decoder.decode(piece)
        start = max(0, len(self.whole) - max(map(len, self._stops), default=0))
        self.whole += new
        found = [at for stop in self._stops if (at := self.whole.find(stop, start)) >= 0]
        if found:
            self.whole, self.stopped = self.whole[: min(found)], True
            return self._tell(len(self.whole))
        return self._tell(len(self.whole) - self._held_back())

    def end(self) -> str:
        """The rest. A character that was cut off is left out."""
        return self._tell(len(self.whole))

    def _tell(self, end: int) -> str:
        told, self._told = self._told, max(self._told, end)
        return self.whole[told : self._told]

    def _held_back(self) -> int:
        """The length of the longest end of the text that a stop text begins with."""
        text = self.whole
        sizes = (
            size for stop in self._stops for size in range(1, min(len(stop), len(text) + 1))
            if stop.startswith(text[-size:])
        )  # fmt: skip
        return max(sizes, default=0)


def _safe(text: str) -> str:
    """Without halves of surrogate pairs, which no UTF-8 has."""
    return text.encode("utf-8", "replace").decode()
