"""Messages as a prompt, in the way that the model was trained with, where its file says which."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import llama_cpp

if TYPE_CHECKING:
    from llama_cpp import Llama

_CONTROL = 1 << 3 | 1 << 0
"""Attributes of tokens: control, and unknown."""


class Prompts:
    def __init__(self, llama: Llama) -> None:
        self._llama = llama
        self._vocabulary = llama._model.vocab
        self._control = self._control_texts()
        template = llama.metadata.get("tokenizer.chat_template")
        self._format = self._formatter(template) if template else None

    @property
    def has_template(self) -> bool:
        return self._format is not None

    def tokens(self, messages: list[list[str]]) -> list[int]:
        """What looks like a control token in a message is no such token: messages cannot end themselves and
        begin another one."""
        safe = [(role, self._plain(text)) for role, text in messages]
        text = self._text(safe)
        beginning = self._token_text(self._llama.token_bos())
        add_beginning = self._llama._model.add_bos_token() and not (beginning and text.startswith(beginning))
        tokens: list[int] = self._llama.tokenize(text.encode("utf-8", "replace"), bool(add_beginning), True)
        return tokens or [max(self._llama.token_bos(), 0)]

    def _text(self, messages: list[tuple[str, str]]) -> str:
        if self._format is None:
            return _plain_text(messages)
        try:
            return self._rendered(messages)
        except Exception:  # a template is code of the model's maker: some take no system message
            merged = _merged(messages)
            if merged == messages:
                return _plain_text(messages)
            try:
                return self._rendered(merged)
            except Exception:
                return _plain_text(messages)

    def _rendered(self, messages: list[tuple[str, str]]) -> str:
        assert self._format is not None
        prompt: str = self._format(
            messages=[{"role": role, "content": text} for role, text in messages]
        ).prompt
        return prompt

    def _formatter(self, template: str) -> Any:
        from llama_cpp.llama_chat_format import Jinja2ChatFormatter

        try:
            return Jinja2ChatFormatter(
                template=template,
                eos_token=self._token_text(self._llama.token_eos()),
                bos_token=self._token_text(self._llama.token_bos()),
            )
        except Exception:  # not one that this version can read
            return None

    def _plain(self, text: str) -> str:
        for control in self._control:
            if control in text:
                text = text.replace(control, control[0] + "\u200b" + control[1:])
        return text

    def _control_texts(self) -> list[str]:
        found = []
        for token in range(self._llama.n_vocab()):
            if llama_cpp.llama_vocab_get_attr(self._vocabulary, token) & _CONTROL:
                text = self._token_text(token)
                if len(text) > 1:
                    found.append(text)
        return found

    def _token_text(self, token: int) -> str:
        if token < 0:
            return ""
        text: bytes = llama_cpp.llama_vocab_get_text(self._vocabulary, token)
        return text.decode("utf-8", "replace")


def _plain_text(messages: list[tuple[str, str]]) -> str:
    parts = [text if role == "system" else f"### {role.capitalize()}\n{text}" for role, text in messages]
    return "\n\n".join([*parts, "### Assistant\n"])


def _merged(messages: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """What the system says as the beginning of the first message of the user."""
    system = "\n\n".join(text for role, text in messages if role == "system")
    others = [message for message in messages if message[0] != "system"]
    if not system or not others:
        return messages
    role, text = others[0]
    return [(role, f"{system}\n\n{text}"), *others[1:]]
