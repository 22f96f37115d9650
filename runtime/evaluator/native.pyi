from collections.abc import Mapping, Sequence
from typing import Any

from runtime.evaluator.code import Program
from runtime.values.errors import Place
from runtime.values.limits import Limits

class Instance:
    spans: Sequence[Place] | None
    host: Any
    @property
    def memory_bytes(self) -> int: ...
    def __init__(
        self,
        program: Program,
        limits: Limits,
        names: Mapping[str, str],
        spans: Sequence[Place] | None,
    ) -> None: ...
    def start(self) -> None: ...
    def run(self) -> Any: ...
    def run_printed(self) -> str: ...
    def value(self, name: str) -> Any: ...
    def close(self) -> None: ...

class Function:
    __name__: str
    def __init__(
        self,
        instance: Instance,
        name: str,
        function: int,
        types: list[str],
        rest: bool,
        variants: list[tuple[int, str, str]],
        doc: str | None,
    ) -> None: ...
    def __call__(self, *args: Any) -> Any: ...

class Handle:
    def __call__(self, *args: Any) -> Any: ...
    def close(self) -> None: ...
    def __enter__(self) -> Handle: ...
    def __exit__(self, *unused: object) -> None: ...
