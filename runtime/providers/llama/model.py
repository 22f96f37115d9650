"""A model in llama.cpp, as the child uses it: prompts of messages, sampling under a grammar, embeddings."""

from __future__ import annotations

import codecs
import ctypes
import os
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import llama_cpp
from llama_cpp import Llama

from runtime.providers.llama.prompt import Prompts

if TYPE_CHECKING:
    from runtime.providers.llama.child import Channel

_BATCH = 512
"""Tokens that are computed together. What an earlier prompt began with is kept in whole batches, so that the
same request always takes the same computation."""
_GRAMMARS = 8
_NEVER = frozenset({0xC0, 0xC1, *range(0xF5, 0x100)})
"""Bytes that are in no UTF-8 text. llama.cpp would take some as long ways to write other characters."""


class Unanswerable(Exception):
    """``kind``: ``refused`` or ``grammar``."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Model:
    """``settings``: path, context, threads (0: as llama.cpp thinks best), gpu_layers, embedding."""

    def __init__(self, settings: dict[str, Any]) -> None:
        threads = settings["threads"] or None
        self._llama = Llama(
            settings["path"], n_ctx=settings["context"], n_batch=_BATCH, n_threads=threads,
            n_threads_batch=threads, n_gpu_layers=settings["gpu_layers"], embedding=settings["embedding"],
            verbose=False,
        )  # fmt: skip
        self._vocabulary = self._llama._model.vocab
        self._prompts = Prompts(self._llama)
        self._pieces = [self._piece(token) for token in range(self._llama.n_vocab())]
        self._biases: dict[bool, Any] = {}
        self._grammars: OrderedDict[str, Any] = OrderedDict()
        self._held: list[int] = []

    def facts(self) -> dict[str, Any]:
        return {"context": self._llama.n_ctx(), "template": self._prompts.has_template}

    def answer(self, request: dict[str, Any], channel: Channel) -> dict[str, Any]:
        if "embed" in request:
            return {"vectors": [self._embed(text, request, channel) for text in request["embed"]]}
        return self._generate(request, channel)

    def _embed(self, text: str, request: dict[str, Any], channel: Channel) -> list[float]:
        channel.check(request["id"])
        return list(map(float, self._llama.embed(_safe(text) or " ", truncate=True)))

    # -- generation

    def _generate(self, request: dict[str, Any], channel: Channel) -> dict[str, Any]:
        tokens = self._prompts.tokens(request["messages"])
        context = self._llama.n_ctx()
        if len(tokens) >= context:
            raise Unanswerable("refused", f"the prompt has {len(tokens)} tokens, the context {context}")
        sampler = self._sampler(request)
        try:
            self._read(tokens, request["id"], channel)
            return self._write(tokens, request, sampler, channel)
        finally:
            llama_cpp.llama_sampler_free(sampler)

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
        self, tokens: list[int], request: dict[str, Any], sampler: Any, channel: Channel
    ) -> dict[str, Any]:
        most = min(request["max_tokens"], self._llama.n_ctx() - len(tokens))
        text = _Text(request["stop"])
        made, reason = 0, "length"
        while made < most:
            channel.check(request["id"])
            token = llama_cpp.llama_sampler_sample(sampler, self._llama._ctx.ctx, -1)
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

    def _sampler(self, request: dict[str, Any]) -> Any:
        grammar = None if request["grammar"] is None else self._grammar(request["grammar"])
        chain = llama_cpp.llama_sampler_chain_init(llama_cpp.llama_sampler_chain_default_params())

        def add(sampler: Any) -> None:
            llama_cpp.llama_sampler_chain_add(chain, sampler)

        if grammar is not None:
            bias = self._bias(request["ascii"])
            add(llama_cpp.llama_sampler_init_logit_bias(self._llama.n_vocab(), len(bias), bias))
            add(llama_cpp.llama_sampler_clone(grammar))
        if request["temperature"] <= 0:
            add(llama_cpp.llama_sampler_init_greedy())
            return chain
        if request["top_p"] < 1:
            add(llama_cpp.llama_sampler_init_top_p(request["top_p"], 1))
        add(llama_cpp.llama_sampler_init_temp(request["temperature"]))
        seed = request["seed"]
        add(llama_cpp.llama_sampler_init_dist(_seed(seed)))
        return chain

    def _grammar(self, text: str) -> Any:
        """The sampler of a grammar, to be copied: making it takes longer than many an answer."""
        found = self._grammars.get(text)
        if found is None:
            found = llama_cpp.llama_sampler_init_grammar(self._vocabulary, text.encode(), b"root")
            if not found:
                raise Unanswerable("grammar", "llama.cpp does not take the grammar")
            self._grammars[text] = found
            if len(self._grammars) > _GRAMMARS:
                llama_cpp.llama_sampler_free(self._grammars.popitem(last=False)[1])
        else:
            self._grammars.move_to_end(text)
        return found

    def _bias(self, ascii: bool) -> Any:
        """Against tokens that a grammar cannot mean, of ASCII alone where all its characters are."""
        found = self._biases.get(ascii)
        if found is None:
            tokens = [
                token for token, piece in enumerate(self._pieces)
                if (not piece.isascii() if ascii else not _NEVER.isdisjoint(piece))
            ]  # fmt: skip
            found = (llama_cpp.llama_logit_bias * len(tokens))()
            for at, token in enumerate(tokens):
                found[at] = llama_cpp.llama_logit_bias(token, float("-inf"))
            self._biases[ascii] = found
        return found

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
        return max(
            (
                size
                for stop in self._stops
                for size in range(1, len(stop))
                if self.whole.endswith(stop[:size])
            ),
            default=0,
        )


def _seed(seed: int | None) -> int:
    # llama.cpp takes 32 bits; the highest number means one of its own choice.
    number = int.from_bytes(os.urandom(4), "little") if seed is None else seed
    return number % 0xFFFFFFFF


def _safe(text: str) -> str:
    """Without halves of surrogate pairs, which no UTF-8 has."""
    return text.encode("utf-8", "replace").decode()
