"""build --separate: a program and its modules as files that are linked when they are loaded."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_runner import Cli

import rtfsc
from rtfsc import Runtime
from runtime.trust.errors import DifferentSigners
from runtime.wasm.errors import ModuleRejected

MAIN = """(import shop.prices :as p)
(import texts)
(defn total [units] (p/gross (* units p/unit)))
(defn label [units] (texts/join [(total units) (p/rate)]))
(defn each [xs] (map p/gross xs))
(defn fail [x] (p/gross x))
(defn loop-through [n] (p/again loop-through n))
(defn made [] (p/adder 3))
(total 2)
"""
PRICES = """(module shop.prices (:exports [gross unit rate again adder])
  (import texts :as t)
  (def unit 100)
  (def count-of-texts (count (t/join [1 2])))
  (defn rate [] count-of-texts)
  (defn gross [x : Int] : Int (+ x (/ (* x 19) 100)))
  (defn again [f n] (if (= n 0) :done (f (- n 1))))
  (defn adder [k] (fn [x] (+ x k))))
"""
TEXTS = "(module texts (:exports [join]) (defn join [xs & more] (str xs more)))"


@pytest.fixture
def program(cli: Cli) -> Path:
    (cli.folder / "shop").mkdir()
    cli.file("shop/prices.rtfs", PRICES)
    cli.file("texts.rtfs", TEXTS)
    return cli.file("main.rtfs", MAIN)


@pytest.fixture
def out(cli: Cli, program: Path) -> Path:
    cli("build", "--separate", "main.rtfs", "-o", "out/")
    return cli.folder / "out"


def times(out: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in sorted(out.glob("*.wasm"))}


def test_files_and_what_they_do(cli: Cli, out: Path) -> None:
    assert [*times(out)] == ["main.wasm", "shop.prices.wasm", "texts.wasm"]
    assert cli("run", "out/main.wasm").stdout == "238\n"
    assert cli("run", "out/main.wasm", "label", "3").stdout == '"[357 7]()"\n'
    module = rtfsc.load(out / "main.wasm")
    assert module.each([100, 200]) == [119, 238]
    assert module.loop_through(100_000) == rtfsc.Keyword("done")
    with module.made() as add:
        assert add(4) == 7
    with pytest.raises(rtfsc.RtfsError) as caught:
        module.fail("x")
    error = caught.value
    assert (error.kind, error.module) == ("TypeValidationError", "shop.prices")
    assert error.span is not None and PRICES[slice(*error.span)] == "x"


def test_a_module_of_its_own_is_loadable_too(cli: Cli, out: Path) -> None:
    assert cli("run", "out/shop.prices.wasm", "gross", "100").stdout == "119\n"
    assert cli("run", "out/shop.prices.wasm", "rate").stdout == "7\n"


def test_only_what_changed_is_compiled_again(cli: Cli, out: Path) -> None:
    first = times(out)
    content = {path.name: path.read_bytes() for path in out.iterdir()}

    def rebuilt() -> set[str]:
        before = times(out)
        cli("build", "--separate", "main.rtfs", "-o", "out/")
        return {name for name, time in times(out).items() if time != before[name]} - {"main.wasm"}

    assert rebuilt() == set()
    assert {path.name: path.read_bytes() for path in out.iterdir()} == content
    cli.file("shop/prices.rtfs", PRICES.replace("19", "25"))
    assert rebuilt() == {"shop.prices.wasm"}
    assert times(out)["texts.wasm"] == first["texts.wasm"]
    assert cli("run", "out/main.wasm").stdout == "250\n"
    cli.file("texts.rtfs", TEXTS.replace("(str xs more)", "(str more xs)"))
    assert rebuilt() == {"shop.prices.wasm", "texts.wasm"}  # prices mean something else too
    (out / "texts.wasm").write_bytes(b"damaged")
    assert rebuilt() == {"texts.wasm"}


def test_a_module_of_another_version_is_noticed(cli: Cli, out: Path) -> None:
    old = (out / "shop.prices.wasm").read_bytes()
    cli.file("shop/prices.rtfs", PRICES.replace("19", "25"))
    cli("build", "--separate", "main.rtfs", "-o", "out/")
    (out / "shop.prices.wasm").write_bytes(old)
    told = cli("run", "out/main.wasm", code=1).stderr
    assert "error[W004]: shop.prices has no " in told and "--separate" in told
    (out / "shop.prices.wasm").unlink()
    assert "needs the module shop.prices" in cli("run", "out/main.wasm", code=1).stderr
    (out / "shop.prices.wasm").write_bytes((out / "texts.wasm").read_bytes())
    assert "is not the module of this name" in cli("run", "out/main.wasm", code=1).stderr


def test_modules_as_bytes(out: Path) -> None:
    data = {path.stem: path.read_bytes() for path in out.glob("*.wasm")}
    main = data.pop("main")
    assert rtfsc.load(main, modules=data).total(1) == 119
    with pytest.raises(ModuleRejected, match="needs") as caught:
        rtfsc.load(main, modules={"texts": data["texts"]})
    assert caught.value.code == "W004" and caught.value.hint


def test_signed_alike_or_not_at_all(cli: Cli, program: Path) -> None:
    cli("init")
    cli("build", "--separate", "main.rtfs", "-o", "out/", "--sign", "local")
    out = cli.folder / "out"
    assert sorted(path.name for path in out.glob("*.dsse")) == [
        "main.wasm.dsse",
        "shop.prices.wasm.dsse",
        "texts.wasm.dsse",
    ]
    assert cli("run", "out/main.wasm").stdout == "238\n"
    assert "verified, signed by" in cli("inspect", "out/texts.wasm").stdout
    manifest = (out / "texts.wasm.dsse").read_bytes()
    (out / "texts.wasm.dsse").unlink()
    told = cli("run", "out/main.wasm", code=3).stderr
    assert "error[T023]" in told and "texts.wasm is not signed" in told
    (out / "main.wasm.dsse").unlink()
    assert "error[T023]" in cli("run", "out/main.wasm", code=3).stderr
    (out / "texts.wasm.dsse").write_bytes(manifest.replace(b"texts", b"texte"))
    assert "error[T" in cli("run", "out/main.wasm", code=3).stderr


def test_two_signers_never_share_a_memory(cli: Cli, program: Path) -> None:
    cli("init")
    cli("keys", "new", "other", "--no-passphrase")
    cli("build", "--separate", "main.rtfs", "-o", "out/", "--sign", "local")
    cli("build", "--separate", "main.rtfs", "-o", "theirs/", "--sign", "other")
    public = cli("keys", "export", "other").stdout
    cli.file("other.pub", public)
    cli("trust", "add", "other.pub")
    for name in ("texts.wasm", "texts.wasm.dsse"):
        (cli.folder / "out" / name).write_bytes((cli.folder / "theirs" / name).read_bytes())
    assert "error[T023]" in cli("run", "out/main.wasm", code=3).stderr
    assert cli("run", "theirs/main.wasm").stdout == "238\n"
    data = {p.stem: p.read_bytes() for p in (cli.folder / "theirs").glob("*.wasm")}
    runtime = Runtime(home=cli.home)
    with pytest.raises(DifferentSigners):
        runtime.load(cli.folder / "theirs/main.wasm", modules=data)


def test_a_build_without_a_key_takes_old_manifests_away(cli: Cli, program: Path) -> None:
    cli("init")
    cli("build", "--separate", "main.rtfs", "--sign", "local")
    cli.file("texts.rtfs", TEXTS.replace("(str xs more)", "(str more xs)"))
    cli("build", "--separate", "main.rtfs", "-o", "elsewhere.wasm")
    assert not (cli.folder / "texts.wasm.dsse").exists()
    assert cli("run", "elsewhere.wasm").stdout == "238\n"


def test_what_does_not_go_together(cli: Cli, program: Path) -> None:
    for other in (["--standalone"], ["--js"], ["--target", "rtfs-ir"], ["--emit", "wat"]):
        assert cli("build", "--separate", "main.rtfs", *other, code=2).stderr
    told = cli("build", "--separate", "main.rtfs", "-o", "texts.wasm", code=2).stderr
    assert "would both be written" in told
    assert [path for path in cli.folder.iterdir() if path.suffix == ".wasm"] == []


def test_a_program_without_imports(cli: Cli) -> None:
    cli.file("one.rtfs", "(defn f [x] (* x 2)) (f 3)")
    cli("build", "--separate", "one.rtfs")
    assert cli("run", "one.wasm").stdout == "6\n"
