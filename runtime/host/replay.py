"""Running a program again with the recorded answers of its host.

RTFS is pure: with the same answers it comes to the same point.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from runtime.values.errors import RtfsError

if TYPE_CHECKING:
    from runtime.host.session import Host


class Answer(NamedTuple):
    """What the host answered to one operation: a value, or the error that it raised."""

    operation: str
    value: Any
    error: RtfsError | None = None


class Recording:
    """Asks a host and keeps what it answers in ``answers``."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self.answers: list[Answer] = []

    def __call__(self, operation: str, arguments: list[Any]) -> Any:
        try:
            value = self._host(operation, arguments)
        except RtfsError as error:
            self.answers.append(Answer(operation, None, error))
            raise
        self.answers.append(Answer(operation, value))
        return value


class Replay:
    """Answers as recorded, without effects. Raises RuntimeError where the program asks something else."""

    def __init__(self, answers: list[Answer]) -> None:
        self._answers = iter(answers)

    def __call__(self, operation: str, arguments: list[Any]) -> Any:
        answer = next(self._answers, None)
        if answer is None or answer.operation != operation:
            recorded = "nothing" if answer is None else answer.operation
            raise RuntimeError(f"the program asks the host for {operation}, the recording has {recorded}")
        if answer.error is not None:
            raise answer.error
        return answer.value
