"""``rtfsc grammar``."""

from __future__ import annotations

from cli_runner import Cli

from rtfsc.gbnf import gbnf, gbnf_for


def test_of_programs(cli: Cli) -> None:
    assert cli("grammar").stdout == gbnf(4)
    assert cli("grammar", "--depth", "2", "--width", "3", "--closed", "--host").stdout == gbnf(
        2, width=3, closed=True, host=True
    )
    cli("grammar", "-o", "g.gbnf", "--depth", "1")
    assert (cli.folder / "g.gbnf").read_text() == gbnf(1)
    cli("grammar", "--check", "g.gbnf")


def test_of_a_function(cli: Cli) -> None:
    text = cli("grammar", "--function", "total", "--parameter", "xs : [:vector Int]", "--parameter", "n",
               "--result", "Int", "--closed", "--depth", "1").stdout  # fmt: skip
    assert '"(defn total [xs : [:vector Int] n] : Int "' in text


def test_of_a_type(cli: Cli) -> None:
    assert cli("grammar", "--type", "[:vector Int]?").stdout == gbnf_for("[:vector Int]?")


def test_bad_options(cli: Cli) -> None:
    for words, message in [
        (("--depth", "0"), "depth is 1 to"),
        (("--type", "Foo"), "Unknown type Foo"),
        (("--type", "[:fn [Int] Int]"), "no text gives a value"),
        (("--type", "Int", "--function", "f"), "--type is of values"),
        (("--parameter", "x"), "it needs a name"),
        (("--function", "f", "--parameter", "x :"), "a type must follow"),
        (("--function", "let"), "'let' is no name"),
    ]:
        done = cli("grammar", *words, code=2)
        assert message in done.stderr and not done.stdout


def test_check(cli: Cli) -> None:
    (cli.folder / "bad.gbnf").write_text('root ::= "a" | itm\nitem ::= "b"\n')
    done = cli("grammar", "--check", "bad.gbnf", code=1)
    assert done.stderr == "bad.gbnf:1:16: error: no rule itm\n  = help: did you mean item?\n"
    cli("grammar", "--check", "-", input='root ::= "a"')
    cli("grammar", "--check", "none.gbnf", code=1)
