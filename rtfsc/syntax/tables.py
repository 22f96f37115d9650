"""Parse tables: made from ``grammar.lark`` by lark when the package is built, read from
``grammar.tables`` beside it at run time, so that parsing needs no import of lark.

Where the file is missing or was made from another grammar, the tables are made in memory (which needs
lark and takes about 100 ms). The file is JSON: nothing is unpickled, and no other folder is looked at.
"""

from __future__ import annotations

import json
import os
import re
from functools import cache
from pathlib import Path
from typing import Any, Final

GRAMMAR: Final = Path(__file__).with_name("grammar.lark")
TABLES: Final = Path(__file__).with_name("grammar.tables")
FORMAT: Final = 1

Json = dict[str, Any]


class Tables:
    """What `rtfsc.syntax.parser` runs. States, rules and nonterminals are numbered from 0, terminals
    from 1, which is their group in ``token``; 0 is the end of the text.

    ``token`` matches blanks and then one terminal, the end, or one ``bad`` character.
    ``actions[state][terminal]`` is the state to shift to or ``~rule`` to reduce by;
    ``gotos[state][nonterminal]`` the state after a reduction; ``defaults[state]`` the rule of a state
    that always reduces by the same one, else -1; ``rules`` are (nonterminal, size, what it makes).
    """

    __slots__ = ("actions", "bad", "defaults", "gotos", "number", "rules", "start", "terminals", "token")

    def __init__(self, data: Json) -> None:
        self.terminals: list[str] = ["$END", *(name for name, _ in data["terminals"])]
        self.number: dict[str, int] = {name: n for n, name in enumerate(self.terminals)}
        self.bad: int = len(self.terminals)
        self.start: int = data["start"]
        self.rules: list[tuple[int, int, str]] = [tuple(rule) for rule in data["rules"]]
        self.actions: list[dict[int, int]] = [_int_keys(row) for row in data["actions"]]
        self.gotos: list[dict[int, int]] = [_int_keys(row) for row in data["gotos"]]
        self.defaults: list[int] = [_default(row) for row in self.actions]
        terminals = "|".join(f"({pattern})" for _, pattern in data["terminals"])
        blanks = "|".join(data["ignore"])
        self.token: re.Pattern[str] = re.compile(rf"(?:{blanks})*+(?:{terminals}|([\s\S])|\Z)")


@cache
def load() -> Tables:
    """The tables of this version's grammar."""
    grammar = GRAMMAR.read_text("utf-8")
    return Tables(_stored(grammar) or compile_grammar(grammar))


def build_tables(target_path: str | os.PathLike[str] = TABLES) -> None:
    """Writes the tables of ``grammar.lark`` to ``target_path``; called when the package is built.

    Needs lark. The same grammar and version of lark give the same bytes.
    """
    data = compile_grammar(GRAMMAR.read_text("utf-8"))
    Path(target_path).write_text(json.dumps(data, separators=(",", ":"), sort_keys=True) + "\n", "utf-8")


def _stored(grammar: str) -> Json | None:
    try:
        data: Json = json.loads(TABLES.read_bytes())
    except (OSError, ValueError):
        return None
    return data if data.get("format") == FORMAT and data.get("grammar") == grammar else None


def compile_grammar(grammar: str) -> Json:
    """Tables as plain data, from what lark keeps for its own stand-alone parsers."""
    import lark
    from lark.grammar import Rule
    from lark.lexer import TerminalDef

    parser = lark.Lark(grammar, parser="lalr", lexer="basic", start="program", maybe_placeholders=False)
    data, memo = parser.memo_serialize([TerminalDef, Rule])
    table = data["parser"]["parser"]
    ignored = data["parser"]["lexer_conf"]["ignore"]

    # the order in which lark's own lexer tries them
    by_priority = sorted(
        parser.terminals, key=lambda t: (-t.priority, -t.pattern.max_width, -len(t.pattern.value), t.name)
    )
    terminals = [(t.name, t.pattern.to_regexp()) for t in by_priority if t.name not in ignored]
    rules = [memo[entry["@"]] for entry in data["rules"]]
    rule_number = {entry["@"]: n for n, entry in enumerate(data["rules"])}
    nonterminals = sorted({rule["origin"]["name"] for rule in rules})
    number = {"$END": 0, **{name: n for n, (name, _) in enumerate(terminals, 1)}}
    order = _state_order(table)
    actions, gotos = _rows(table, order, number, {n: i for i, n in enumerate(nonterminals)}, rule_number)
    patterns = {t.name: t.pattern.to_regexp() for t in parser.terminals}
    return {
        "format": FORMAT,
        "grammar": grammar,
        "start": 0,
        "terminals": terminals,
        "ignore": [patterns[name] for name in ignored],
        "rules": [(nonterminals.index(r["origin"]["name"]), len(r["expansion"]), _makes(r)) for r in rules],
        "actions": actions,
        "gotos": gotos,
    }


def _makes(rule: Json) -> str:
    """The function named in the grammar; for what lark makes of ``form*``: "first" and "more"."""
    if rule["origin"]["name"].startswith("__"):
        return "first" if len(rule["expansion"]) == 1 else "more"
    return rule["alias"] or ""


def _state_order(table: Json) -> dict[int, int]:
    """New numbers for lark's states, which differ from run to run: as met from the start state."""
    (start,) = table["start_states"].values()
    order = {start: 0}
    queue = [start]
    names = table["tokens"]
    for state in queue:
        row = table["states"][state]
        for token in sorted(row, key=lambda t: names[t]):
            kind, target = row[token]
            if kind == 0 and target not in order:
                order[target] = len(order)
                queue.append(target)
    return order


def _rows(
    table: Json,
    order: dict[int, int],
    terminals: dict[str, int],
    nonterminals: dict[str, int],
    rules: dict[int, int],
) -> tuple[list[dict[int, int]], list[dict[int, int]]]:
    """``actions`` and ``gotos`` of `Tables`, told apart by what the symbol is."""
    actions: list[dict[int, int]] = []
    gotos: list[dict[int, int]] = []
    for state in order:
        action: dict[int, int] = {}
        goto: dict[int, int] = {}
        for token, (kind, target) in table["states"][state].items():
            name = table["tokens"][token]
            if name in nonterminals:
                goto[nonterminals[name]] = order[target]
            else:
                action[terminals[name]] = order[target] if kind == 0 else ~rules[target["@"]]
        actions.append(action)
        gotos.append(goto)
    return actions, gotos


def _int_keys(row: dict[Any, int]) -> dict[int, int]:
    return {int(key): value for key, value in row.items()}


def _default(row: dict[int, int]) -> int:
    targets = set(row.values())
    if len(targets) != 1 or set(row) == {0}:  # the end of the text is never reduced by: see parser.py
        return -1
    (target,) = targets
    return ~target if target < 0 else -1
