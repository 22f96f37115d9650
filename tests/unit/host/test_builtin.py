"""Built-in capabilities, their scopes, and replay."""

from __future__ import annotations

import os
import socket
import struct
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

import rtfsc
from rtfsc import Keyword, Runtime
from runtime.host.capability import capability
from runtime.host.replay import Recording, Replay
from runtime.host.schema import schema_of


def value(source: str, *grant: str) -> Any:
    return Runtime(engine="evaluator", grant=grant).compile(source).__rtfs_instance__.run()


def kind(source: str, *grant: str) -> str:
    with pytest.raises(rtfsc.RtfsError) as caught:
        value(source, *grant)
    return caught.value.kind


def test_console(capsys: pytest.CaptureFixture[str]) -> None:
    assert value('(println "a" 1 [2 "b"] nil)', "ccos.io.println") is None
    assert value('(call :ccos.io.println "a" 1.0 ["b"])', "ccos.io.println") is None
    assert value('(log "to" :log)', "ccos.io.log") is None
    seen = capsys.readouterr()
    assert seen.out.splitlines()[1] == 'a 1.0 ["b"]'
    assert seen.out.startswith("a 1 ")
    assert seen.err == "to :log\n"


def test_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RTFSC_TEST_VALUE", "7")
    granted = "ccos.system.get-env=RTFSC_TEST_VALUE,RTFSC_TEST_NONE"
    assert value('(get-env "RTFSC_TEST_VALUE")', granted) == "7"
    assert value('(get-env "RTFSC_TEST_NONE")', granted) is None
    assert kind('(get-env "PATH")', granted) == "SecurityViolation"


def test_files(tmp_path: Path) -> None:
    folder, outside = tmp_path / "in", tmp_path / "outside.txt"
    folder.mkdir()
    outside.write_text("secret")
    (folder / "a.txt").write_text("one\ntwo\n", encoding="utf-8")
    os.symlink(outside, folder / "link")
    read, exists = f"ccos.io.read-file={folder}", f"ccos.io.file-exists={folder}"
    assert value('(tool/open-file "a.txt")', read) == "one\ntwo\n"
    assert value('(call :ccos.io.read-lines "a.txt")', f"ccos.io.read-lines={folder}") == ["one", "two"]
    assert value('(map file-exists? ["a.txt" "b.txt"])', exists) == [True, False]
    for path in ("../outside.txt", str(outside), "link", "../in/../outside.txt"):
        assert kind(f'(tool/open-file "{path}")', read) == "SecurityViolation"
    assert kind('(tool/open-file "none.txt")', read) == "IoError"
    assert value('(call :ccos.io.write-file "c.txt" "x")', f"ccos.io.write-file={folder}") is None
    assert (folder / "c.txt").read_text() == "x"


def test_random_is_seeded() -> None:
    source = "(map (fn [i] (call :ccos.system.random 1 6)) (range 0 20))"
    first = value(source, "ccos.system.random=5")
    assert first == value(source, "ccos.system.random=5")
    assert first != value(source, "ccos.system.random=6")
    assert set(first) <= set(range(1, 7))
    assert kind("(call :ccos.system.random 6 1)", "ccos.system.random") == "InvalidArgument"


def test_state_is_that_of_one_runtime() -> None:
    both = ("ccos.state.kv.get", "ccos.state.kv.put")
    source = '(do (kv/assoc! "m" :a 1 :b 2) (kv/dissoc! "m" :a) (kv/conj! "v" 1 2) (kv/conj! "v" 3))'
    runtime = Runtime(engine="evaluator", grant=both)
    assert runtime.compile(source).__rtfs_instance__.run() == [1, 2, 3]
    again = runtime.compile('(call :ccos.state.kv.get "m")').__rtfs_instance__.run()
    assert again == {Keyword("b"): 2}
    assert value('(call :ccos.state.kv.get "m")', *both) is None


def test_model() -> None:
    granted = "ccos.ai.llm-execute"
    assert value('(llm-execute "echo-model" "hi")', granted) == "hi"
    assert value('(llm-execute :prompt "hi" :model "echo-model")', granted) == "hi"
    assert value('(llm-execute "echo-model" "hi" {:system "s"})', granted) == "hi"
    assert kind('(llm-execute "other" "hi")', granted) == "HostError"


class _Pages(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/away":
            self.send_response(302)
            self.send_header("Location", "http://example.invalid/")
            self.end_headers()
            return
        self.send_response(404 if self.path == "/none" else 200)
        self.send_header("X-Kind", "page")
        self.end_headers()
        self.wfile.write(self.path.encode())

    def log_message(self, *unused: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), _Pages) as pages:
        thread = threading.Thread(target=pages.serve_forever)
        thread.start()
        yield f"127.0.0.1:{pages.server_port}"
        pages.shutdown()
        thread.join()


def test_http(server: str) -> None:
    granted = f"ccos.network.http-fetch={server}"
    got = value(f'(http-fetch "http://{server}/page")', granted)
    assert got[Keyword("status")] == 200
    assert got[Keyword("body")] == "/page"
    assert got[Keyword("headers")]["x-kind"] == "page"
    assert value(f'(:status (tool/http-fetch "http://{server}/none"))', granted) == 404
    assert value(f'(:status (http-fetch "http://{server}/away"))', granted) == 302
    assert kind('(http-fetch "http://example.invalid/")', granted) == "SecurityViolation"
    assert kind('(http-fetch "file:///etc/passwd")', granted) == "InvalidArgument"
    assert kind(f'(http-fetch "http://user@{server}/")', granted) == "SecurityViolation"
    assert kind(f'(http-fetch "http://{server}/" {{:method "GE T"}})', granted) == "InvalidArgument"


def test_half_an_answer_is_none() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = f"127.0.0.1:{listening.getsockname()[1]}"

        def serve() -> None:
            for status in ("200 OK", "404 Not Found"):
                connection, _ = listening.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(f"HTTP/1.1 {status}\r\ncontent-length: 9\r\n\r\nhalf".encode())

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        granted = f"ccos.network.http-fetch={server}"
        for _ in range(2):
            assert kind(f'(http-fetch "http://{server}/")', granted) == "NetworkError"
        thread.join(60)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 404 Not Found\r\ncontent-length: 9\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nno number\r\n",
        b"no status\r\n\r\n",
        b"",
    ],
)
@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
def test_connections_that_break_off_are_errors_of_the_network(answer: bytes, reset: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = f"127.0.0.1:{listening.getsockname()[1]}"

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)
                if reset:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        assert kind(f'(http-fetch "http://{server}/")', f"ccos.network.http-fetch={server}") == "NetworkError"
        thread.join(60)


def test_children_of_a_fork_draw_numbers_of_their_own() -> None:
    roll = Runtime(engine="evaluator", grant=["ccos.system.random"]).compile(
        "(defn roll [] (map (fn [i] (call :ccos.system.random 0 1000000)) (range 20)))"
    )
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(write, repr(list(roll.roll())).encode())
        finally:
            os._exit(0)
    os.close(write)
    with open(read, "rb") as file:
        theirs = file.read().decode()
    os.waitpid(child, 0)
    assert theirs.startswith("[") and theirs != repr(list(roll.roll()))


@pytest.mark.parametrize(
    "grant", ["no.such", "ccos.system.get-env", "ccos.io.read-file", "ccos.io.println=file"]
)
def test_grants_that_mean_nothing(grant: str) -> None:
    with pytest.raises(ValueError, match=r"capability|scope|stream"):
        Runtime(grant=[grant])


@pytest.mark.parametrize("engine", ["wasm", "evaluator"])
def test_replay(engine: str) -> None:
    from rtfsc.evaluation import evaluate
    from rtfsc.source import SourceFile
    from runtime.host.policy import Policy
    from runtime.host.session import Session

    made = []

    @capability("count")
    def count() -> int:
        made.append(1)
        return len(made)

    source = SourceFile("<t>", "[(call :count) (try (call :none) (catch HostError e :no)) (call :count)]")
    recording = Recording(Session(Policy.of([count])))
    first = evaluate(source, engine, 2, None, world=lambda _: (recording, None))
    again = evaluate(source, engine, 2, None, world=lambda _: (Replay(recording.answers), None))
    assert first.value == again.value == "[1 :no 2]"
    assert len(made) == 2
    with pytest.raises(RuntimeError, match="the recording has nothing"):
        evaluate(source, engine, 2, None, world=lambda _: (Replay(recording.answers[:1]), None))


def test_annotations_without_a_type_are_refused() -> None:
    with pytest.raises(TypeError, match="no RTFS type"):
        schema_of(complex)
    with pytest.raises(TypeError, match="positional"):

        @capability("x")
        def f(*, key: int) -> int:
            return key

    with pytest.raises(ValueError, match="not an id"):
        capability("a b")
