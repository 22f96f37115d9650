"""The declared types of the library against what it does with values of every kind."""

from __future__ import annotations

from itertools import product

import pytest

from rtfsc.ast import nodes as A
from rtfsc.diagnostics import Sink
from rtfsc.evaluation import evaluate
from rtfsc.ir import types as T
from rtfsc.primitives.library import LIBRARY
from rtfsc.primitives.signatures import names, signatures
from rtfsc.sema.check.checker import Checker, ready
from rtfsc.sema.check.library import accepts, call_library, signature_for
from rtfsc.sema.scopes import LibraryName, Local
from rtfsc.source import SourceFile, Span
from rtfsc.syntax.reader import read
from runtime.values.limits import Limits

VALUES = [
    "nil", "true", "1", "0", "1.5", '"a"', '""', ":k", "'s", "[]", "[1 2]", '[["a" 1] :b]', "'(1 2)",
    "{}", "{:k 1}", "identity", "+", '(Exception. "e")', "resource://a ",
]  # fmt: skip
KINDS = {name: bit for bit, name in T.NAMES.items()}
WORDS = {
    "integer": T.INT, "float": T.FLOAT, "string": T.STR, "keyword": T.KW, "nil": T.NIL, "boolean": T.BOOL,
    "vector": T.VEC, "list": T.LIST, "map": T.MAP, "function": T.FN, "error": T.ERR, "symbol": T.SYM,
    "resource-handle": T.RESOURCE,
}  # fmt: skip
NO_SPAN = Span(0, 0)


def outcomes(name: str, count: int) -> dict[tuple[int, ...], str | None]:
    """For every choice of arguments the kind of the result, None if the call raises."""
    params = " ".join(f"a{i}" for i in range(count))
    loops = " ".join(f"[i{i} a{i}] pairs" for i in range(count))
    indices = " ".join(f"i{i}" for i in range(count))
    source = (
        f"(def values [{' '.join(VALUES)}])"
        "(def pairs (map-indexed (fn [i v] [i v]) values))"
        f"(defn attempt [{params}] (try (type-name ({name} {params})) (catch Any e nil)))"
        f"(for [{loops}] [{indices} (attempt {params})])"
    )
    result = evaluate(SourceFile("<test>", source), "evaluator", 1, Limits(deadline_ms=60_000))
    assert result.error is None, result.error
    rows = read(SourceFile("<value>", result.value or ""), Sink())[0].items
    return {
        tuple(item.value for item in row.items[:-1]): getattr(row.items[-1], "value", None) for row in rows
    }


def types_of_values() -> list[tuple[int, object]]:
    """Kind and type of each sample."""
    from rtfsc.driver import Compilation
    from rtfsc.sema.check.checker import check_types

    compilation = Compilation(SourceFile("<test>", f"(def values [{' '.join(VALUES)}]) values"))
    compilation.check()
    checker = check_types(compilation.ast, Sink())
    value = compilation.ast.body[0].value
    found = [checker.visit(item) for item in value.items]
    return [(t.mask, t) for t in found]


TYPES = types_of_values()


@pytest.mark.parametrize("name", sorted(LIBRARY))
@pytest.mark.parametrize("count", [1, 2, 3])
def test_what_works_is_declared(name: str, count: int) -> None:
    ready()
    signature = signature_for(name, count)
    if signature is None or (count == 3 and len(signature.params) < 3):
        return
    for choice, kind in outcomes(name, count).items():
        if kind is None:
            continue
        checker = Checker(Sink())
        args: list[A.Node] = []
        for index in choice:
            arg = A.Name("a", NO_SPAN)
            arg.binding = Local("a", NO_SPAN, None)
            checker.types[arg.binding] = TYPES[index][1]
            args.append(arg)
        callee = A.Name(name, NO_SPAN)
        callee.binding = LibraryName(name)
        said = f"({name} {' '.join(VALUES[i] for i in choice)}) is {kind}"
        result = call_library(checker, A.Call(callee, args, NO_SPAN), name)
        assert not checker.sink.diagnostics, f"{said}: {checker.sink.diagnostics}"
        assert result.mask & WORDS[kind], f"{said}, declared {result}"


def test_every_library_function_has_a_signature() -> None:
    assert [name for name in LIBRARY if not signatures(name)] == []


def test_signatures_and_implementations_take_the_same_numbers_of_arguments() -> None:
    from rtfsc.lower.library import Linker
    from rtfsc.stdlib import installed

    linker = Linker(installed())
    for name, count in product(sorted(LIBRARY), range(6)):
        implemented = linker.target(name, count) is not None
        assert (signature_for(name, count) is not None) == implemented, f"{name} with {count} arguments"


def test_kinds_that_a_parameter_accepts() -> None:
    first, second = signatures("nth")[0].params
    assert accepts(first) == T.VEC | T.LIST | T.STR
    assert accepts(second) == T.INT
    assert set(names()) >= set(LIBRARY)
