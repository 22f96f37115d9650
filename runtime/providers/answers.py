"""From a model's text to a value of the declared type.

What is taken, in this order; whatever it gives is checked against the type afterwards:

* what models put around a value goes: blanks, a leading ``<think>…</think>``, and all around the block where
  there is exactly one fenced block (```` ``` ````);
* one value in RTFS notation, written out: calls and names are no values, nothing is evaluated;
* JSON, where the text is not RTFS or does not fit the type: objects are maps and arrays vectors, and texts
  become keywords where the type wants keywords, also as keys. An object with the one entry ``value`` is what
  was asked for with a JSON Schema, and stands for its value;
* ``True``, ``False`` and ``None``, as models that saw much Python write them;
* the bare name of a member of an ``[:enum …]``;
* a text without quotes, where the type takes texts and no RTFS value can be read in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from runtime.providers.declared import Misfit, Type
from runtime.providers.forms import NoValue, read_data
from runtime.values.atoms import Keyword

_THOUGHT = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)', re.DOTALL)
"""Also one that nothing ends: to look for an end from each quote anew would take for ever."""
_MOST = 1 << 20
_DEEPEST = 100
_WORDS = {"True": True, "False": False, "None": None}


def read_answer(text: str, type: Type) -> Any:
    """The value. Raises `Misfit` with what is wrong with the answer."""
    if len(text) > _MOST:
        raise Misfit(f"the answer has more than {_MOST} characters")
    bare = _bare(text)
    if not bare:
        raise Misfit("the answer is empty")
    wrong: list[Misfit] = []
    unfit: list[Misfit] = []
    for reading in _readings(bare, type):
        try:
            return type.check(reading())
        except Misfit as error:
            wrong.append(error)
            unfit.append(error)
        except NoValue as error:
            wrong.append(Misfit(f"the answer is not one value: {error}"))
    if bare[0] in "{[" and unfit:  # JSON, of which the reader of RTFS could only say that it is none
        raise unfit[0]
    raise wrong[0]


def _readings(bare: str, type: Type) -> Iterator[Callable[[], Any]]:
    yield lambda: read_data(bare)
    yield lambda: from_json(_json(bare), type.data)
    yield lambda: _member(bare, type.data)
    yield lambda: _unquoted(bare, type.data)


def _bare(text: str) -> str:
    text = _THOUGHT.sub("", text.lstrip("\ufeff")).strip()
    blocks = _fenced(text)
    return blocks[0].strip() if len(blocks) == 1 else text


def _fenced(text: str) -> list[str]:
    """What stands between lines of fences. Line by line, so that its time grows with the text alone."""
    found: list[str] = []
    inside: list[str] | None = None
    for line in text.split("\n") if "```" in text else ():
        mark = line.strip(" \t\r")
        if inside is None:
            if mark.startswith("```") and "`" not in mark[3:]:
                inside = []
        elif mark == "```":
            found.append("\n".join(inside))
            inside = None
        else:
            inside.append(line)
    return found


def _json(text: str) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    if _depth(text) > _DEEPEST:
        raise NoValue(f"nested more than {_DEEPEST} deep")
    try:
        data = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise NoValue(str(error)) from None
    return data["value"] if isinstance(data, dict) and data.keys() == {"value"} else data


def _depth(text: str) -> int:
    deepest = depth = 0
    for char in re.findall(r"[\[\]{}]", _QUOTED.sub("", text)):
        depth += 1 if char in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _member(text: str, data: Any) -> Any:
    for member in _enum(data):
        if isinstance(member, Keyword) and text.strip("\"'").lstrip(":") == member.name:
            return member
        if isinstance(member, str) and text.strip("\"'") == member:
            return member
    raise NoValue("no member of the enum")


def _unquoted(text: str, data: Any) -> str:
    """Values that can be read are meant: ``42`` is no text."""
    if not takes_text(data) or text.startswith('"'):
        raise NoValue("a text stands in quotes")
    try:
        read_data(text)
    except NoValue:
        return text
    raise NoValue("a text stands in quotes")


def takes_text(data: Any) -> bool:
    head, parts = _head(data)
    if head in ("union", "and"):
        return any(takes_text(part) for part in parts)
    return head == "string"


def _enum(data: Any) -> list[Any]:
    head, parts = _head(data)
    if head == "enum":
        return parts
    if head in ("union", "and"):
        return [member for part in parts for member in _enum(part)]
    return []


def _head(data: Any) -> tuple[str, list[Any]]:
    """``:int`` is ("int", []), ``[:vector T]`` is ("vector", [T])."""
    if isinstance(data, Keyword):
        return data.name, []
    if isinstance(data, list) and data and isinstance(data[0], Keyword):
        return data[0].name, data[1:]
    return "", []


# --- JSON, led by the type


def from_json(value: Any, data: Any) -> Any:
    """JSON as a value of the type, as far as the type tells; the check comes after. Raises `NoValue`."""
    head, parts = _head(data)
    if head == "enum":
        return _enum_json(value, parts)
    if head == "union":
        return _union_json(value, parts)
    if head == "and":
        for part in parts:
            value = from_json(value, part)
        return value
    if isinstance(value, str) and head == "keyword":
        return _keyword(value)
    if isinstance(value, dict):
        return {
            _key(key, head, parts): from_json(item, _item(key, head, parts)) for key, item in value.items()
        }
    if isinstance(value, list):
        if head == "tuple" and len(parts) == len(value):
            return [from_json(item, part) for item, part in zip(value, parts, strict=True)]
        inner = parts[0] if head in ("vector", "array") else None
        return [from_json(item, inner) for item in value]
    return value


def _enum_json(value: Any, members: list[Any]) -> Any:
    for member in members:
        if value == member and isinstance(value, bool) == isinstance(member, bool):
            return member
    for member in members:
        if isinstance(member, Keyword) and isinstance(value, str) and value.removeprefix(":") == member.name:
            return member
    return value


def _union_json(value: Any, options: list[Any]) -> Any:
    """As the first option that it fits; texts are rather texts than keywords, but for ``":a"``."""
    if isinstance(value, str) and value.startswith(":"):
        options = sorted(options, key=takes_text)
    elif isinstance(value, str):
        options = sorted(options, key=takes_text, reverse=True)
    for option in options:
        try:
            return _type_of_data(option).check(from_json(value, option))
        except (Misfit, NoValue):
            continue
    return value


def _type_of_data(data: Any) -> Type:
    from runtime.printing import printed
    from runtime.providers.declared import type_of

    return type_of(printed(data))


def _key(key: str, head: str, parts: list[Any]) -> Any:
    if head == "map" and parts:
        return _keyword(key)
    if head != "map-of":
        return key
    kinds = _kinds(parts[0])
    if "string" in kinds and not ("keyword" in kinds and key.startswith(":")):
        return key
    if "int" in kinds:
        try:
            return int(key)
        except ValueError:
            pass
    return _enum_json(key, _enum(parts[0])) if "enum" in kinds else _keyword_key(key, kinds)


def _keyword_key(key: str, kinds: set[str]) -> Any:
    return _keyword(key) if "keyword" in kinds else key


def _keyword(text: str) -> Any:
    """A text that is no name stays one, which the check refuses."""
    try:
        return Keyword(text.removeprefix(":"))
    except ValueError:
        return text


def _kinds(data: Any) -> set[str]:
    head, parts = _head(data)
    if head in ("union", "and"):
        return set().union(*(_kinds(part) for part in parts))
    return {head}


def _item(key: str, head: str, parts: list[Any]) -> Any:
    """Type of the entry: of the field, or of all values."""
    if head == "map-of":
        return parts[1]
    for field in parts if head == "map" else ():
        if field[0] == _keyword(key):
            return field[1]
    return None
