"""Which token comes next: by chance, and by a grammar where there is one."""

from __future__ import annotations

import ctypes
import os
from collections import OrderedDict
from typing import Any

import llama_cpp
import numpy as np

_MOST_GRAMMARS = 8
_NEVER = frozenset({0xC0, 0xC1, *range(0xF5, 0x100)})
"""Bytes that are in no UTF-8 text. llama.cpp would take some as long ways to write other characters."""
_TOKEN = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])


class Unanswerable(Exception):
    """``kind``: ``refused`` or ``grammar``."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Sampler:
    """For one answer. A token is drawn as if there were no grammar, and only where that forbids it, drawn
    again among those that it allows: the same chances, and a good model seldom pays for the grammar, which
    looks at every token of the vocabulary."""

    def __init__(self, chain: Any, grammar: Any, size: int) -> None:
        self._chain, self._grammar = chain, grammar
        self._tokens = np.zeros(size, _TOKEN)
        self._array = llama_cpp.llama_token_data_array()
        self._one = np.zeros(1, _TOKEN)

    def next(self, logits: Any) -> int:
        """``logits``: of all tokens. Raises `Unanswerable`."""
        token = self._drawn(logits, constrained=False)
        if self._grammar is not None and not self._allows(token):
            token = self._drawn(logits, constrained=True)
            if not self._allows(token):
                raise Unanswerable("grammar", "the model has no token for what the grammar demands")
        for sampler in filter(None, (self._grammar, self._chain)):
            llama_cpp.llama_sampler_accept(sampler, token)
        return token

    def close(self) -> None:
        for sampler in filter(None, (self._grammar, self._chain)):
            llama_cpp.llama_sampler_free(sampler)

    def _drawn(self, logits: Any, *, constrained: bool) -> int:
        tokens = self._tokens
        tokens["id"] = np.arange(len(tokens), dtype=np.int32)
        tokens["logit"] = logits
        array = self._point_at(tokens)
        if constrained:
            llama_cpp.llama_sampler_apply(self._grammar, ctypes.byref(array))
        llama_cpp.llama_sampler_apply(self._chain, ctypes.byref(array))
        return int(array.data[array.selected].id)

    def _allows(self, token: int) -> bool:
        self._one[0] = (token, 1.0, 0.0)
        llama_cpp.llama_sampler_apply(self._grammar, ctypes.byref(self._point_at(self._one)))
        return bool(np.isfinite(self._one["logit"][0]))

    def _point_at(self, tokens: Any) -> Any:
        array = self._array
        array.data = tokens.ctypes.data_as(llama_cpp.llama_token_data_p)
        array.size, array.selected, array.sorted = len(tokens), -1, False
        return array


class Samplers:
    """Makes samplers; keeps the grammars that were used last. ``pieces``: the bytes of each token."""

    def __init__(self, vocabulary: Any, pieces: list[bytes]) -> None:
        self._vocabulary, self._pieces = vocabulary, pieces
        self._biases: dict[bool, Any] = {}
        self._grammars: OrderedDict[str, Any] = OrderedDict()

    def sampler(self, request: dict[str, Any]) -> Sampler:
        grammar = None if request["grammar"] is None else self._grammar(request["grammar"])
        chain = llama_cpp.llama_sampler_chain_init(llama_cpp.llama_sampler_chain_default_params())

        def add(sampler: Any) -> None:
            llama_cpp.llama_sampler_chain_add(chain, sampler)

        if grammar is not None:
            grammar = llama_cpp.llama_sampler_clone(grammar)
            bias = self._bias(request["ascii"])
            add(llama_cpp.llama_sampler_init_logit_bias(len(self._pieces), len(bias), bias))
        if request["temperature"] <= 0:
            add(llama_cpp.llama_sampler_init_greedy())
        else:
            if request["top_p"] < 1:
                add(llama_cpp.llama_sampler_init_top_p(request["top_p"], 1))
            add(llama_cpp.llama_sampler_init_temp(request["temperature"]))
            add(llama_cpp.llama_sampler_init_dist(_seed(request["seed"])))
        return Sampler(chain, grammar, len(self._pieces))

    def _grammar(self, text: str) -> Any:
        """The sampler of a grammar, to be copied: making it takes longer than many an answer."""
        found = self._grammars.get(text)
        if found is None:
            found = llama_cpp.llama_sampler_init_grammar(self._vocabulary, text.encode(), b"root")
            if not found:
                raise Unanswerable("grammar", "llama.cpp does not take the grammar")
            self._grammars[text] = found
            if len(self._grammars) > _MOST_GRAMMARS:
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


def _seed(seed: int | None) -> int:
    # llama.cpp takes 32 bits; the highest number means one of its own choice.
    number = int.from_bytes(os.urandom(4), "little") if seed is None else seed
    return number % 0xFFFFFFFF
