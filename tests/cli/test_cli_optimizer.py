"""build --optimizer binaryen: what it does to files, what is recorded, what is said where it is not there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from cli_runner import EXAMPLES, Cli

from services import Unavailable
from services.optimizer import wasm_opt

TOTAL = "pricing.wasm", "price-order", "[{:units 12 :price 999}]", ":de"
ANSWER = "{:net 11389 :tax 2164 :total 13553}\n"


@pytest.fixture
def optimizer(cli: Cli) -> Cli:
    try:
        cli.env["RTFSC_WASM_OPT"] = wasm_opt()
    except Unavailable as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"no Binaryen on this machine: {error}")
    return cli


@pytest.mark.parametrize("form", [(), ("--standalone",)], ids=["module", "standalone"])
def test_the_same_program_in_other_bytes(optimizer: Cli, form: tuple[str, ...]) -> None:
    cli = optimizer
    source = EXAMPLES / "pricing.rtfs"
    cli("build", source, *form, "-o", "plain.wasm")
    built = set()
    for _ in range(2):
        cli("build", source, *form, "--optimizer", "binaryen", "-o", "pricing.wasm")
        built.add((cli.folder / "pricing.wasm").read_bytes())
    assert len(built) == 1 and (cli.folder / "plain.wasm").read_bytes() not in built
    assert cli("run", *TOTAL).stdout == ANSWER
    plain, facts = cli.json("inspect", "plain.wasm"), cli.json("inspect", "pricing.wasm")
    version = facts["action"]["features"][-1]
    assert version.startswith("binaryen=") and version.removeprefix("binaryen=").isdigit()
    assert plain["imports"] == facts["imports"] and plain["interface"] == facts["interface"]
    smaller = [next(s["bytes"] for s in f["sections"] if s["name"] == "code") for f in (facts, plain)]
    assert smaller[0] < smaller[1]


def test_errors_keep_their_places_and_signatures_hold(optimizer: Cli) -> None:
    cli = optimizer
    cli("init")
    cli.file("f.rtfs", "(defn f [x] (/ 10 x))\n(defn deep [n] (+ 1 (deep n)))")
    cli("build", "f.rtfs", "--optimizer", "binaryen", "--sign", "local")
    told = cli("run", "f.wasm", "f", "0", code=1, input="").stderr
    assert "error[R005]: Division by zero" in told
    assert "error[R026]" in cli("run", "f.wasm", "deep", "0", code=1).stderr
    assert cli("run", "f.wasm", "f", "5").stdout == "2\n"


def test_separate_modules_too(optimizer: Cli) -> None:
    cli = optimizer
    cli.file("m.rtfs", "(module m (:exports [f]) (defn f [x] (* x 2)))")
    cli.file("main.rtfs", "(import m) (m/f 21)")
    cli("build", "main.rtfs", "--separate", "-o", "out/")
    before = (cli.folder / "out/m.wasm").read_bytes()
    cli("build", "main.rtfs", "--separate", "--optimizer", "binaryen", "-o", "out/")
    assert (cli.folder / "out/m.wasm").read_bytes() != before
    assert cli("run", "out/main.wasm").stdout == "42\n"


def test_without_it(cli: Cli, tmp_path: Path) -> None:
    cli.file("f.rtfs", "1")
    cli.env["PATH"] = str(tmp_path)
    told = cli("build", "f.rtfs", "--optimizer", "binaryen", code=2).stderr
    assert "wasm-opt, which is not on the PATH" in told and "RTFSC_WASM_OPT" in told
    cli.env["RTFSC_WASM_OPT"] = str(tmp_path / "absent")
    assert "cannot be run" in cli("build", "f.rtfs", "--optimizer", "binaryen", code=2).stderr
    broken = tmp_path / "broken"
    broken.write_text(
        "#!/bin/sh\ncase $1 in --version) echo wasm-opt version 108;; *) echo Fatal >&2; exit 1;; esac\n"
    )
    broken.chmod(0o755)
    cli.env.update(RTFSC_WASM_OPT=str(broken), PATH=os.environ["PATH"])
    told = cli("build", "f.rtfs", "--optimizer", "binaryen", code=2).stderr
    assert "failed: Fatal; this is Binaryen 108" in told
    assert not (cli.folder / "f.wasm").exists()
    for other in (["--target", "rtfs-ir"], ["--emit", "wat"], ["--source-map"]):
        assert cli("build", "f.rtfs", "--optimizer", "binaryen", *other, code=2).stderr
