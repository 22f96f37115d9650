"""``rtfsc doc``."""

from __future__ import annotations

from cli_runner import EXAMPLES, Cli


def test_library_and_forms(cli: Cli) -> None:
    assert cli("doc", "inc").stdout.startswith("inc: library function\n  (inc n)\n  One more.\n")
    out = cli("doc", "and").stdout
    assert "  (and a …)\n" in out
    assert "(defn name" in cli("doc", "defn").stdout


def test_exports_of_a_file(cli: Cli) -> None:
    out = cli("doc", "discount-percent", EXAMPLES / "pricing.rtfs").stdout
    assert out.startswith("discount-percent: function\n  (discount-percent units)\n  arguments: 1\n")
    assert "types:     :int -> :int" in out
    assert "example: (discount-percent 50) => 10" in out
    assert "did you mean line-total?" in cli("doc", "line-totals", EXAMPLES / "pricing.rtfs", code=2).stderr


def test_unknown_names(cli: Cli) -> None:
    assert (
        cli("doc", "redcue", code=2).stderr == "rtfsc: there is no 'redcue'; did you mean reduce or recur?\n"
    )
    assert "IO001" in cli("doc", "f", "none.rtfs", code=1).stderr
