"""Capabilities: typed Python functions that programs may call by an id."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from runtime.host.schema import ANY, Schema, schema_of
from runtime.values.atoms import Keyword
from runtime.values.errors import RtfsError, error_class


@dataclass(frozen=True, slots=True)
class Capability:
    """``inputs``: types of the parameters; the first ``required`` must be given; ``rest``: type of further
    ones, None if there are none."""

    id: str
    function: Callable[..., Any]
    inputs: tuple[Schema, ...]
    required: int
    rest: Schema | None
    output: Schema
    doc: str = ""

    @property
    def signature(self) -> str:
        """The type in RTFS notation."""
        rest = ["&", self.rest.text] if self.rest else []
        return f"[:fn [{' '.join([*(s.text for s in self.inputs), *rest])}] {self.output.text}]"

    def invoke(self, arguments: list[Any]) -> Any:
        """The checked result for checked arguments. An exception of the function becomes a HostError."""
        self._check_inputs(arguments)
        try:
            value = self.function(*arguments)
        except RtfsError:
            raise
        except OSError as error:
            raise host_error("IoError", f"IO error: {_said(error)}") from error
        except RecursionError as error:  # of calls that nest, through the program or not
            raise host_error("StackOverflow", "Stack overflow") from error
        except Exception as error:
            raise host_error("HostError", f"Host error: {self.id}: {_said(error)}") from error
        self.output.check(value)
        return value

    def _check_inputs(self, arguments: list[Any]) -> None:
        count, most = len(arguments), len(self.inputs)
        if count < self.required or (count > most and self.rest is None):
            raise _arity(self, count)
        for i, argument in enumerate(arguments):
            schema = self.inputs[i] if i < most else self.rest
            assert schema is not None
            schema.check(argument, f"[{i}]")


def capability(id: str, *, doc: str | None = None) -> Callable[[Callable[..., Any]], Capability]:
    """Decorator: makes a capability of a function. Its annotations are the types of arguments and result;
    what has none may be anything. Raises TypeError for an annotation that RTFS has no type for."""
    if not id or any(c.isspace() for c in id):
        raise ValueError(f"not an id of a capability: {id!r}")

    def make(function: Callable[..., Any]) -> Capability:
        import inspect
        import typing

        hints = typing.get_type_hints(function)
        inputs: list[Schema] = []
        required, rest = 0, None
        for name, parameter in inspect.signature(function).parameters.items():
            schema = schema_of(hints[name]) if name in hints else ANY
            if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
                rest = schema
            elif parameter.kind in (
                inspect.Parameter.POSITIONAL_ONLY,
                inspect.Parameter.POSITIONAL_OR_KEYWORD,
            ):
                inputs.append(schema)
                required += parameter.default is inspect.Parameter.empty
            else:
                raise TypeError(f"{id}: a capability takes positional arguments, not {name}")
        output = schema_of(hints["return"]) if "return" in hints else ANY
        text = doc if doc is not None else inspect.getdoc(function) or ""
        return Capability(id, function, tuple(inputs), required, rest, output, text)

    return make


def _said(error: Exception) -> str:
    """Its text; names of files may have bytes that are no text, which programs cannot have."""
    return str(error).encode("utf-8", "backslashreplace").decode()


def host_error(kind: str, message: str, data: Any = None) -> RtfsError:
    return error_class(kind)(kind, message, data)


def _arity(found: Capability, count: int) -> RtfsError:
    most = len(found.inputs)
    expected = str(most) if found.required == most else f"{found.required} to {most}"
    if found.rest is not None:
        expected = f"at least {found.required}"
    data = {Keyword("function"): found.id, Keyword("expected"): expected, Keyword("actual"): count}
    return host_error(
        "ArityMismatch", f"Arity mismatch in {found.id}: expected {expected}, got {count}", data
    )
