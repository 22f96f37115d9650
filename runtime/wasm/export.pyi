from typing import Any, final

from runtime.wasm.machine import Machine

@final
class Export:
    __name__: str
    @property
    def interface(self) -> dict[str, Any]: ...
    def __init__(self, machine: Machine, interface: dict[str, Any]) -> None: ...
    def __call__(self, *args: Any) -> Any: ...
