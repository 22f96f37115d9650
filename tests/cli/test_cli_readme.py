"""What the README shows is what happens."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys

from cli_runner import EXAMPLES, ROOT, Cli

README = (ROOT / "README.md").read_text()


def blocks(start: str) -> list[str]:
    return re.findall(rf"^```{start}\n(.*?)^```", README, re.M | re.S)


def test_the_commands_of_the_quick_start(cli: Cli) -> None:
    shutil.copytree(EXAMPLES, cli.folder / "examples")
    [session] = [block for block in blocks("") if block.startswith("$ ")]
    steps = [step.partition("\n") for step in session.removeprefix("$ ").split("\n$ ")]
    assert len(steps) >= 5
    for command, _, expected in steps:
        for part in command.split(" && "):
            out = cli(*shlex.split(part)[1:]).stdout
        if expected.strip():
            assert out.strip() == expected.strip()
    assert len(cli.json("store", "ls")) >= 4


def test_the_program_of_the_readme(cli: Cli) -> None:
    shutil.copytree(EXAMPLES, cli.folder / "examples")
    cli("build", EXAMPLES / "pricing.rtfs", "-o", "pricing.wasm")
    [program] = blocks("python")
    # A comment beside an expression says what it gives.
    checked = re.sub(r"^(fib\(30\)) +# (\d+),.*$", r"assert \1 == \2", program, flags=re.M)
    assert checked != program
    command = [sys.executable, "-c", checked]
    done = subprocess.run(command, cwd=cli.folder, env=cli.env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_file_that_the_readme_names_is_there() -> None:
    links = re.findall(r"\]\(([\w/.-]+)\)", README)
    assert len(links) > 5
    assert [name for name in links if not (ROOT / name).exists()] == []
