"""What can go wrong with a model, one family: `ProviderError`.

``kind`` is a word for logs, metrics and policies; ``retryable`` says whether the same request may succeed
a moment later. ``hint`` says what the user can do, where there is something.
"""

from __future__ import annotations


def printable(text: str) -> str:
    """Without what a terminal would obey: messages repeat what servers and models said."""
    return (
        text if text.isprintable() else "".join(c if c.isprintable() or c == "\n" else "\ufffd" for c in text)
    )


class ProviderError(Exception):
    code = "LM000"
    kind = "failed"
    retryable = False

    def __init__(self, model: str, message: str, *, hint: str | None = None) -> None:
        message = printable(message)
        super().__init__(f"{model}: {message}")
        self.model = model
        self.message = message
        self.hint = hint


class UnknownModel(ProviderError):
    """No model of that id is registered."""

    code = "LM001"
    kind = "unknown"


class Misconfigured(ProviderError):
    """A setting, a file or a package is missing or wrong. ``option``: the key of the model's table."""

    code = "LM002"
    kind = "misconfigured"

    def __init__(
        self, model: str, message: str, *, hint: str | None = None, option: str | None = None
    ) -> None:
        super().__init__(model, message, hint=hint)
        self.option = option


class Unavailable(ProviderError):
    """Nobody answers, or who answers is overloaded. ``after``: seconds that it asked to wait."""

    code = "LM003"
    kind = "unavailable"
    retryable = True

    def __init__(
        self, model: str, message: str, *, hint: str | None = None, after: float | None = None
    ) -> None:
        super().__init__(model, message, hint=hint)
        self.after = after


class TimedOut(ProviderError):
    code = "LM004"
    kind = "timeout"
    retryable = True


class Interrupted(ProviderError):
    """The answer stopped in the middle."""

    code = "LM005"
    kind = "interrupted"
    retryable = True


class Garbled(ProviderError):
    """An answer that is none: no JSON, fields missing, not UTF-8."""

    code = "LM006"
    kind = "garbage"


class Refused(ProviderError):
    """The provider will not answer this: wrong key, no such model there, request too long, policy."""

    code = "LM007"
    kind = "refused"


class Crashed(ProviderError):
    """The process that ran the model ended."""

    code = "LM008"
    kind = "crashed"
    retryable = True


class AnswerError(ProviderError):
    """The model answered twice with something that is no value of the declared type. ``answer``: the last."""

    code = "LM009"
    kind = "wrong-type"

    def __init__(self, model: str, message: str, answer: str, *, hint: str | None = None) -> None:
        super().__init__(model, message, hint=hint)
        self.answer = answer
