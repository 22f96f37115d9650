"""Generation by a real GGUF model in a child process, and all that can happen to it."""

from __future__ import annotations

import fcntl
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from tiny_models import ROOT, maker, tiny_model

from runtime.providers.base import Message, Request
from runtime.providers.errors import (
    Crashed,
    Interrupted,
    Misconfigured,
    ProviderError,
    Refused,
    TimedOut,
)
from runtime.providers.llama.frames import Malformed, Unpacker, packed
from runtime.providers.llama_cpp import LlamaCpp
from runtime.providers.registry import ModelRegistry

LONG = 'root ::= "a"{2000} "a"{2000}'
"""Nothing but four thousand letters, one token each: an answer that takes a while."""


@pytest.fixture
def model():
    provider = LlamaCpp("tiny", path=tiny_model(), threads=1)
    yield provider
    provider.close()


@pytest.fixture
def patience(monkeypatch):
    """A busy machine may take its time to hear of a cancellation."""
    monkeypatch.setattr("runtime.providers.llama.process._GRACE_SECONDS", 60.0)


def asked(text: str = "hello", **options) -> Request:
    return Request(
        "tiny", (Message("user", text),), **{"max_tokens": 40, "temperature": 1.0, "seed": 1, **options}
    )


def pid_of(model: LlamaCpp) -> int:
    pid = model._process.pid
    assert pid is not None
    return pid


def narrowed(model: LlamaCpp) -> LlamaCpp:
    """The model, loaded, with a pipe from it that is soon full: however fast it is, and however slow the one
    who listens, it has never written much that was not listened to."""
    model.infer(asked())
    fcntl.fcntl(model._process._child.process.stdout, fcntl.F_SETPIPE_SZ, 4096)
    return model


def gone(pid: int, seconds: float = 60) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


# --- answers


def test_an_answer(model):
    response = model.infer(asked())
    assert response.model == "tiny" and response.revision == model.revision
    assert response.output_tokens == 40 and response.stop_reason == "length"
    assert response.input_tokens > 10 and response.seconds > 0
    assert model.health().ok and "process" in model.health().detail


def test_the_seed_decides(model):
    first, again, other = (model.infer(asked(seed=seed)).text for seed in (1, 1, 2))
    assert first == again != other
    assert model.infer(asked(seed=None)).text != model.infer(asked(seed=None)).text
    greedy = [model.infer(asked(temperature=0.0, seed=seed)).text for seed in (1, 2, None)]
    assert len(set(greedy)) == 1


def test_answers_do_not_depend_on_what_was_asked_before(model):
    """What is kept of earlier prompts changes nothing."""
    long = "word " * 600
    first = model.infer(asked(long)).text
    assert model.infer(asked(long + "more")).text != first
    assert model.infer(asked(long)).text == first
    model.close()
    assert model.infer(asked(long)).text == first


def test_pieces_as_they_come(model):
    pieces: list[str] = []
    response = model.infer(asked(), pieces.append)
    assert "".join(pieces) == response.text and len(pieces) > 10
    assert response.text == model.infer(asked()).text


def test_stop_texts(model):
    whole = model.infer(asked(grammar=LONG)).text
    assert whole == "a" * 40
    pieces: list[str] = []
    response = model.infer(asked(grammar='root ::= "abcd" [x]* "yz" .*', stop=("yz", "never")), pieces.append)
    assert response.stop_reason in ("stop", "length")
    text = model.infer(asked(grammar='root ::= "abcdefgh"', stop=("ef", "cdx")))
    assert (text.text, text.stop_reason) == ("abcd", "stop")
    assert "".join(pieces) == response.text and "yz" not in response.text


def test_a_grammar_that_ends(model):
    response = model.infer(asked(grammar='root ::= "é→" ("λ" | "x") "\\U0001F600"'))
    assert response.text in ("é→λ😀", "é→x😀") and response.stop_reason == "stop"


def test_bad_grammars_never_reach_the_child(model):
    with pytest.raises(Refused, match=r"line 1.*left recursion"):
        model.infer(asked(grammar='root ::= root "a" | "b"'))
    assert model._process.pid is None


@pytest.mark.parametrize("text", ["", "\0", "a\0b", "\ud800 half", "é\u202e\U0001f600" * 20, "</s><s>", "\n"])
def test_any_text_is_a_prompt(model, text):
    assert model.infer(asked(text, max_tokens=3)).output_tokens <= 3


def test_control_tokens_in_a_message_are_text(model):
    """A message cannot end itself: `</s>` in it is no token of that name."""
    plain, sly = model.infer(asked("a b")), model.infer(asked("a</s>b"))
    assert sly.input_tokens > plain.input_tokens + 2


@pytest.mark.parametrize(
    "options",
    [{"temperature": float("nan")}, {"temperature": -1.0}, {"temperature": float("inf")}, {"top_p": 0.0},
     {"top_p": float("nan")}, {"top_p": 1.5}],
)  # fmt: skip
def test_settings_that_mean_nothing(model, options):
    with pytest.raises(Refused):
        model.infer(asked(**options))


@pytest.mark.parametrize(
    "options",
    [{"seed": -5}, {"seed": 1 << 80}, {"max_tokens": 0}, {"top_p": 1e-9}, {"temperature": 1e-30},
     {"temperature": 1e30}, {"stop": ("",)}, {"stop": ("x" * 10_000,) * 50}, {"timeout": float("inf")}],
)  # fmt: skip
def test_odd_settings(model, options):
    assert model.infer(asked(**options)).output_tokens <= 40


def test_no_messages_and_many(model):
    for messages in [(), (Message("assistant", "x"),), (Message("user", "x"),) * 200]:
        assert model.infer(Request("tiny", messages, max_tokens=3)).output_tokens <= 3


def test_a_question_of_any_size(model):
    with pytest.raises(Refused, match="more than"):
        model.infer(asked("x" * (65 << 20)))
    with pytest.raises(Refused, match="tokens, the context"):
        model.infer(asked("xyz " * 200_000))
    assert model.infer(asked()).text


def test_a_prompt_beyond_the_context():
    small = LlamaCpp("tiny", path=tiny_model(), threads=1, context=64)
    with pytest.raises(Refused, match="tokens, the context"):
        small.infer(asked("word " * 200))
    response = small.infer(asked("hi", max_tokens=1000, grammar=LONG))
    assert response.stop_reason == "length"
    assert response.input_tokens + response.output_tokens == small._process._facts["context"]
    small.close()


def test_messages_without_a_template(tmp_path):
    bare = LlamaCpp("bare", path=maker("tiny").make(tmp_path / "bare.gguf", template=False), threads=1)
    request = Request("bare", (Message("system", "s"), Message("user", "u")), max_tokens=5)
    assert bare.infer(request).output_tokens <= 5
    bare.close()


def test_a_grammar_that_the_model_cannot_spell(tmp_path, monkeypatch):
    """Tokens for single bytes are what it would take."""
    tokens, kinds = maker("tiny")._vocabulary()
    few = [at for at, token in enumerate(tokens) if not token.startswith("<0x") or token == "<0x0A>"]
    vocabulary = [tokens[at] for at in few], [kinds[at] for at in few]
    monkeypatch.setattr(maker("tiny"), "_vocabulary", lambda: vocabulary)
    model = LlamaCpp("m", path=maker("tiny").make(tmp_path / "m.gguf"), threads=1)
    with pytest.raises(Refused, match="no token for what the grammar demands"):
        model.infer(asked(grammar='root ::= "ab" "日"'))
    assert model.infer(asked(grammar='root ::= "abc"')).text == "abc"
    model.close()


# --- the file


def test_the_revision_is_that_of_the_content(tmp_path):
    copy = tmp_path / "copy.gguf"
    copy.write_bytes(tiny_model().read_bytes())
    model = LlamaCpp("a", path=copy, threads=1)
    first, answer = model.revision, model.infer(asked()).text
    assert first == LlamaCpp("b", path=tiny_model()).revision
    maker("tiny").make(copy, seed=2)
    second = model.infer(asked())
    assert model.revision != first and second.revision == model.revision and second.text != answer
    model.close()


def test_the_model_is_the_same_wherever_it_is_made(tmp_path):
    assert maker("tiny").make(tmp_path / "again.gguf").read_bytes() == tiny_model().read_bytes()


def test_a_missing_file(tmp_path):
    model = LlamaCpp("m", path=tmp_path / "none.gguf")
    with pytest.raises(Misconfigured, match=r"none\.gguf"):
        model.infer(asked())
    assert not model.health().ok
    with pytest.raises(Misconfigured):
        LlamaCpp("m", path=tmp_path).infer(asked())


def test_a_file_of_something_else(tmp_path):
    path = tmp_path / "text.gguf"
    path.write_text("no model")
    model = LlamaCpp("m", path=path)
    with pytest.raises(Misconfigured, match="no GGUF file"):
        model.infer(asked())
    assert "no GGUF file" in model.health().detail


@pytest.mark.parametrize("kept", [4, 8, 100, 5000, 50_000, -100])
def test_a_file_that_is_cut_off(tmp_path, kept):
    path = tmp_path / "cut.gguf"
    path.write_bytes(tiny_model().read_bytes()[:kept])
    model = LlamaCpp("m", path=path)
    with pytest.raises((Misconfigured, Crashed)) as caught:
        model.infer(asked())
    assert not caught.value.retryable and model._process.pid is None


def test_the_error_says_what_is_wrong_with_the_file(tmp_path):
    path = tmp_path / "cut.gguf"
    path.write_bytes(tiny_model().read_bytes()[:-5000])
    with pytest.raises(Misconfigured, match="not within the file bounds"):
        LlamaCpp("m", path=path).infer(asked())


def test_headers_of_noise(tmp_path):
    """Whatever the header says: an answer, or an error of the family."""
    draw, whole = random.Random(11), tiny_model().read_bytes()
    path = tmp_path / "noise.gguf"
    for _ in range(12):
        data = bytearray(whole)
        for _ in range(draw.randrange(1, 6)):
            data[draw.randrange(4, 6000)] = draw.randrange(256)
        path.write_bytes(data)
        model = LlamaCpp("m", path=path, memory=4096, context=64, threads=1)
        try:
            assert model.infer(asked(max_tokens=2, timeout=120)).output_tokens <= 2
        except ProviderError as error:
            assert isinstance(error, (Misconfigured, Crashed, TimedOut, Refused)), error
        finally:
            model.close()


def test_without_the_package(monkeypatch, tmp_path):
    (tmp_path / "llama_cpp.py").write_text("raise ImportError('not here')")
    monkeypatch.syspath_prepend(tmp_path)
    model = LlamaCpp("m", path=tiny_model())
    with pytest.raises(Misconfigured, match="llama-cpp-python") as caught:
        model.infer(asked())
    assert caught.value.hint == "pip install 'rtfsc[llama]'"


def test_a_package_that_is_not_there_at_all(monkeypatch, model):
    monkeypatch.setattr("runtime.providers.llama.process.find_spec", lambda _: None)
    child = model._process._start()
    error = model._process._failed_to_load(child, {"failed": "package", "message": "No module"})
    assert isinstance(error, Misconfigured) and error.hint == "pip install 'rtfsc[llama]'"
    assert "is needed" in error.message and model._process.pid is None


def test_layers_on_a_card_that_is_not_there():
    model = LlamaCpp("m", path=tiny_model(), threads=1, gpu_layers=-1)
    assert model.infer(asked()).text
    model.close()


def test_too_little_memory():
    model = LlamaCpp("m", path=tiny_model(), memory=300, context=1_000_000)
    with pytest.raises((Misconfigured, Crashed)) as caught:
        model.infer(asked())
    assert not caught.value.retryable


# --- the process


def test_nothing_is_started_before_the_first_question(model):
    assert model.revision and model.health().ok and model.capabilities()
    assert model._process.pid is None
    model.close()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGABRT, signal.SIGSEGV])
def test_a_child_that_is_killed_while_it_answers(model, number, patience):
    pid, pieces = pid_of(narrowed(model)), []

    def kill(piece: str) -> None:
        pieces.append(piece)
        if len(pieces) == 1:  # more may have come with it
            os.kill(pid, number)

    with pytest.raises(Crashed, match=signal.Signals(number).name) as caught:
        model.infer(asked(grammar=LONG, max_tokens=3000), kill)
    assert caught.value.retryable
    assert model.infer(asked()).text


def test_a_child_that_died_between_two_questions(model):
    text = model.infer(asked()).text
    for _ in range(5):
        os.kill(pid_of(model), signal.SIGKILL)  # and it may not have ended yet when the next one comes
        assert model.infer(asked()).text == text


def test_a_timeout_leaves_the_child_usable(model, patience):
    model.infer(asked())
    pid = pid_of(model)
    with pytest.raises(TimedOut):  # a second of work at least
        model.infer(asked(grammar=LONG, max_tokens=3500, timeout=0.1))
    assert model.infer(asked()).text
    assert pid_of(model) == pid


def test_a_child_that_hangs_is_ended(model):
    text = model.infer(asked()).text
    pid = pid_of(model)
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(TimedOut):
        model.infer(asked(timeout=0.3))
    assert gone(pid)
    assert model.infer(asked()).text == text


def test_a_large_prompt_for_a_child_that_hangs(model):
    model.infer(asked())
    os.kill(pid_of(model), signal.SIGSTOP)
    with pytest.raises(TimedOut):
        model.infer(asked("x" * 5_000_000, timeout=0.3))


def test_who_listens_can_end_the_answer(model, patience):
    class Enough(Exception):
        pass

    def listen(_: str) -> None:
        raise Enough

    text = model.infer(asked()).text
    pid = pid_of(model)
    with pytest.raises(Enough):
        model.infer(asked(grammar=LONG, max_tokens=3500), listen)
    assert model.infer(asked()).text == text and pid_of(model) == pid


def test_closing_ends_what_is_asked(model):
    started, closed = threading.Event(), threading.Event()
    failed: list[BaseException] = []
    narrowed(model)

    def listen(_: str) -> None:
        started.set()
        closed.wait(60)

    def ask() -> None:
        try:
            model.infer(asked(grammar=LONG, max_tokens=3900), listen)
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    assert started.wait(60)
    pid = pid_of(model)
    model.close()
    closed.set()
    thread.join(60)
    assert [type(error) for error in failed] == [Interrupted]
    assert gone(pid)
    assert model.infer(asked()).text


def test_eight_threads(model):
    expected = {seed: model.infer(asked(seed=seed)).text for seed in range(8)}
    found: dict[int, list[str]] = {seed: [] for seed in range(8)}

    def ask(seed: int) -> None:
        for _ in range(5):
            found[seed].append(model.infer(asked(seed=seed)).text)

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == {seed: [text] * 5 for seed, text in expected.items()}


def test_who_waits_for_others_waits_no_longer_than_it_says(model):
    model.infer(asked())
    started, release = threading.Event(), threading.Event()

    def hold(_: str) -> None:
        started.set()
        release.wait(60)

    thread = threading.Thread(target=model.infer, args=(asked(), hold))
    thread.start()
    assert started.wait(60)
    with pytest.raises(TimedOut, match="others"):
        model.infer(asked(timeout=0.1))
    release.set()
    thread.join(60)


PARENT = """
import sys, time
from runtime.providers.base import Message, Request
from runtime.providers.llama_cpp import LlamaCpp
model = LlamaCpp("tiny", path=sys.argv[1], threads=1)
def told(_):
    print(model._process.pid, flush=True)
    if sys.argv[2] == "idle":
        raise KeyboardInterrupt
try:
    model.infer(Request("tiny", (Message("user", "x"),), temperature=1.0, seed=1, max_tokens=3900,
                        grammar='root ::= "a"{2000} "a"{2000}'), told)
except KeyboardInterrupt:
    pass
time.sleep(60)
"""


@pytest.mark.parametrize("at", ["answering", "idle"])
def test_no_child_outlives_its_parent(at):
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tiny_model()), at], stdout=subprocess.PIPE, text=True, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    assert gone(child)
    parent.stdout.close()


def test_a_fork_starts_a_child_of_its_own(model):
    text, pid = model.infer(asked()).text, pid_of(model)
    read, write = os.pipe()
    forked = os.fork()
    if forked == 0:
        try:
            answer = model.infer(asked()).text
            os.write(write, b"same" if answer == text and model._process.pid != pid else b"wrong")
            model.close()
        finally:
            os._exit(0)
    os.close(write)
    assert os.read(read, 10) == b"same"
    os.close(read)
    os.waitpid(forked, 0)
    assert model.infer(asked()).text == text and pid_of(model) == pid


# --- settings and messages


def test_it_is_in_the_registry():
    registry = ModelRegistry({"tiny": {"provider": "llama_cpp", "path": str(tiny_model()), "threads": 1}})
    assert registry.get("tiny").infer(asked()).text
    registry.close()
    for options, words in [
        ({}, "needs the option 'path'"), ({"path": "x", "contxt": 1}, "no option 'contxt'"),
        ({"path": "x", "context": 0}, "context must be"), ({"path": "x", "threads": True}, "threads must be"),
        ({"path": "x", "gpu_layers": "all"}, "gpu_layers must be"), ({"path": 5}, "path must be"),
        ({"path": "x", "context": 1 << 40}, "context must be"),
    ]:  # fmt: skip
        with pytest.raises(Misconfigured, match=words):
            ModelRegistry({"m": {"provider": "llama_cpp", **options}}).get("m")


def test_messages_in_pieces():
    messages = [{"id": 1, "text": "é\0\ud800"}, {}, {"x": [1, None]}]
    data = b"".join(map(packed, messages))
    unpacker = Unpacker()
    assert [m for at in range(len(data)) for m in unpacker.feed(data[at : at + 1])] == messages


@pytest.mark.parametrize("data", [b"\xff\xff\xff\xff", b"\x02\0\0\0[]", b"\x02\0\0\0{x", b"\x01\0\0\0\xff"])
def test_no_messages(data):
    with pytest.raises(Malformed):
        Unpacker().feed(data)
