"""rtfsc profile: tables, JSON, stacks for flame graphs, and what is refused."""

from __future__ import annotations

from cli_runner import Cli

SOURCE = """(defn spin [n]
  (loop [i 0 m {}]
    (if (< i n)
      (recur (+ i 1) (assoc m (str (mod i 50)) i))
      (count m))))
(spin 1000000)
"""


def test_profile_of_a_program(cli: Cli) -> None:
    cli.file("p.rtfs", SOURCE)
    shown = cli("profile", "p.rtfs").stdout
    assert "samples" in shown
    assert "spin" in shown
    assert "p.rtfs:4  spin" in shown


def test_profile_of_a_call(cli: Cli) -> None:
    cli.file("p.rtfs", SOURCE)
    found = cli.json("profile", "p.rtfs", "--call", "spin", "300000", "--repeat", "3")
    assert found["samples"] > 0
    assert "spin" in {row["function"] for row in found["functions"]}
    assert {"function": "spin", "file": "p.rtfs", "line": 4}.items() <= found["lines"][0].items()
    assert found["stacks"]


def test_stacks_for_flame_graphs(cli: Cli) -> None:
    cli.file("p.rtfs", SOURCE)
    out = cli("profile", "p.rtfs", "--folded", "-").stdout
    assert all(line.rpartition(" ")[2].isdigit() for line in out.splitlines())
    assert out.startswith("top level")
    cli("profile", "p.rtfs", "--folded", "stacks.txt")
    assert "spin" in (cli.folder / "stacks.txt").read_text()


def test_what_is_refused(cli: Cli) -> None:
    cli.file("p.rtfs", "(defn f [x] x)")
    assert "no function 'g'; functions: f" in cli("profile", "p.rtfs", "--call", "g", code=2).stderr
    cli("profile", "p.rtfs", "--repeat", "3", code=2)
    cli("profile", "p.rtfs", "--call", "f", "1", "--repeat", "0", code=2)
    cli("profile", "missing.rtfs", code=1)
    # Where the machine is busy, a sample may fall even into this.
    assert any("too short" in cli("profile", "p.rtfs").stdout for _ in range(20))


def test_errors_of_the_program_are_shown(cli: Cli) -> None:
    cli.file("p.rtfs", "(defn f [x]\n (nth [1] x))")
    shown = cli("profile", "p.rtfs", "--call", "f", "7", code=1).stderr
    assert "p.rtfs:2:2" in shown
