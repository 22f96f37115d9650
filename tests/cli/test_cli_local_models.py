"""Programs whose functions a GGUF model answers."""

from __future__ import annotations

import json
import shutil

import pytest
from cli_runner import Cli
from tiny_models import tiny_model

MODELS = """
[defaults]
timeout_ms = 120000

[models.tiny]
provider = "llama_cpp"
path = "models/tiny.gguf"
context = 8192
threads = 1
"""
PROGRAM = """
(defn ^:delegation :local-model "tiny" mood "The mood of a text." [text : String] : [:enum :up :down] :own)
(defn ^:delegation :local-model "tiny" sizes "Sizes." [text : String] : [:map [:w Int] [:h Int ?]] {:w "own"})
[(mood "what a day") (sizes "three by four")]
"""


@pytest.fixture
def project(cli: Cli) -> Cli:
    (cli.folder / "conf" / "models").mkdir(parents=True)
    cli.file("conf/delegation.toml", MODELS)
    cli.file("p.rtfs", PROGRAM)
    shutil.copy(tiny_model(), cli.folder / "conf" / "models" / "tiny.gguf")
    return cli


def test_answers_of_a_local_model_are_of_the_declared_type(project: Cli) -> None:
    """The model knows nothing; the grammar of the type makes its first answer a value all the same."""
    done = project("run", "--delegation", "conf/delegation.toml", "p.rtfs")
    mood, sizes = done.stdout.strip().removeprefix("[").removesuffix("]").split(" ", 1)
    assert mood in (":up", ":down") and sizes.startswith("{:w ") and "own" not in sizes
    again = project("eval", "--delegation", "conf/delegation.toml", PROGRAM)
    assert again.stdout == done.stdout


def test_models_are_listed(project: Cli) -> None:
    done = project("models", "--delegation", "conf/delegation.toml", "--json", "tiny")
    assert "not loaded yet" in json.dumps(json.loads(done.stdout))


@pytest.mark.parametrize("damage", ["missing", "corrupt", "cut"])
def test_without_its_model_a_function_is_its_body(project: Cli, damage: str) -> None:
    path = project.folder / "conf" / "models" / "tiny.gguf"
    if damage == "missing":
        path.unlink()
    elif damage == "corrupt":
        path.write_bytes(b"no model at all")
    else:
        path.write_bytes(path.read_bytes()[:5000])
    program = '(defn ^:delegation :local-model "tiny" f "F." [x : Int] : Int -7) (f 1)'
    done = project("eval", "--delegation", "conf/delegation.toml", program)
    assert done.stdout == "-7\n"
    listed = project("models", "--delegation", "conf/delegation.toml", "tiny", code=int(damage != "cut"))
    assert ("failed" in listed.stdout) == (damage != "cut")  # what is inside is seen when it is loaded
