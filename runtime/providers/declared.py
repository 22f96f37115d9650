"""Declared types as data, and the check of values against them: by the compiled check itself, so that a type
means the same here as in a program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

_CHECK_MS = 2000
"""A pattern in a refinement may be slow on a text that somebody chose."""


@dataclass(frozen=True, slots=True)
class Signature:
    """``parameters``: names and types in canonical text, with ``rest`` the last takes all that follows;
    ``result``: type in canonical text."""

    parameters: tuple[tuple[str, str], ...]
    result: str
    rest: bool = False

    @classmethod
    def of_interface(cls, export: Mapping[str, Any]) -> Signature:
        """Of an export as in the section ``rtfs.interface`` (docs/abi.md)."""
        pairs = tuple(zip(export["params"], export["param_types"], strict=True))
        return cls(pairs, export["result_type"], bool(export["rest"]))

    @classmethod
    def read(cls, declaration: str) -> Signature:
        """Of ``(declare name [a : T …] : R)``. Raises `DiagnosticError`."""
        return _read(declaration)

    def show(self, name: str) -> str:
        """``(name [a : :int & more : :int] : :string)``"""
        shown = [f"{parameter} : {type}" for parameter, type in self.parameters]
        if self.rest:
            shown.insert(-1, "&")
        return f"({name} [{' '.join(shown)}] : {self.result})"


@lru_cache(maxsize=256)
def _read(declaration: str) -> Signature:
    from rtfsc.signature import read_declaration

    read = read_declaration(declaration)
    return Signature(read.parameters, read.result, read.rest)


class Misfit(Exception):
    """A value is not of the declared type; the message says where and why, in the words of the checks."""


@dataclass(frozen=True)
class Type:
    """A type by its canonical text."""

    text: str

    @cached_property
    def data(self) -> Any:
        """The text read: keywords, and vectors headed by one."""
        from runtime.providers.forms import read_data

        return read_data(self.text, symbols=True)

    def check(self, value: Any) -> Any:
        """The value as the check gives it back. Raises `Misfit`."""
        from rtfsc.diagnostics import DiagnosticError
        from runtime.values.errors import RtfsError

        try:
            return _checker(self.text)(value)
        except DiagnosticError:  # in a module that somebody made up
            raise Misfit(f"{self.text[:80]} is no type") from None
        except RtfsError as error:
            raise Misfit(error.message) from None
        except (TypeError, OverflowError, ValueError) as error:  # no value of the language
            raise Misfit(str(error)) from None


def type_of(text: str) -> Type:
    return _types(text)


@lru_cache(maxsize=256)
def _types(text: str) -> Type:
    return Type(text)


@lru_cache(maxsize=64)
def _checker(text: str) -> Any:
    from rtfsc.driver import Compilation
    from rtfsc.evaluation import instantiate
    from rtfsc.options import CompileOptions
    from rtfsc.source import SourceFile
    from runtime.values.limits import Limits

    source = SourceFile("<type>", f"(defn answer [value : {text}] value)")
    compilation = Compilation(source, CompileOptions(level=0, target="rtfs-ir"))
    return instantiate(compilation, "evaluator", Limits(deadline_ms=_CHECK_MS)).function("answer")
