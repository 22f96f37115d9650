"""The parent's side: starts the child, asks it, and makes errors of whatever happens to it."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from contextlib import suppress
from importlib.util import find_spec
from typing import IO, Any, NamedTuple

from runtime.providers.base import OnText
from runtime.providers.errors import (
    Crashed,
    Garbled,
    Interrupted,
    Misconfigured,
    ProviderError,
    Refused,
    TimedOut,
    Unavailable,
)
from runtime.providers.llama.frames import MOST, Malformed, Unpacker, packed

LOAD_SECONDS = 600.0
_GRACE_SECONDS = 2.0
"""How long a child may take to notice that nobody waits any more; then it is ended."""
_LOG_BYTES = 2000
_CLOSED = "the model was closed"
_ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), *[os.pardir] * 3))
"""Where the package `runtime` lies."""


class _Started(NamedTuple):
    process: subprocess.Popen[bytes]
    log: IO[bytes]
    unpacker: Unpacker
    waiting: list[dict[str, Any]]
    """Messages that have come and were not looked at."""
    since: float
    owner: int
    """The process that started it: a fork of it must not talk through the same pipes."""


class LlamaProcess:
    """A child for one model; started when it is first asked, and again after it ended.

    ``settings``: those of `runtime.providers.llama.model.Model`, and ``memory``: most MiB of address space,
    0 for no limit. Safe to use from several threads: they wait for one another, each within its own time.
    """

    def __init__(self, model: str, settings: dict[str, Any]) -> None:
        self._id, self._settings = model, settings
        self._lock = threading.Lock()
        self._child: _Started | None = None
        self._facts: dict[str, Any] | None = None
        self._count = 0
        self._taken = False

    @property
    def pid(self) -> int | None:
        child = self._child
        return child.process.pid if child is not None and child.process.poll() is None else None

    def ask(self, question: dict[str, Any], timeout: float, on_text: OnText | None = None) -> dict[str, Any]:
        """The answer to a message of `child`. Raises `ProviderError`; what ``on_text`` raises ends the
        answer."""
        end = time.monotonic() + timeout
        if not self._lock.acquire(timeout=max(0.0, min(timeout, threading.TIMEOUT_MAX))):
            raise TimedOut(self._id, f"no answer within {timeout:g} s: others are asking")
        try:
            try:
                return self._asked_once(question, end, timeout, on_text)
            except Crashed:
                if self._taken:
                    raise
            # It was dead before it was asked.
            return self._asked_once(question, end, timeout, on_text)
        finally:
            self._lock.release()

    def _asked_once(self, question: dict[str, Any], end: float, timeout: float,
                    on_text: OnText | None) -> dict[str, Any]:  # fmt: skip
        self._taken = True  # a crash while the model is loaded would come again
        child = self._started(end, timeout)
        self._taken = False
        self._count += 1
        return self._answer(child, {"id": self._count, **question}, end, timeout, on_text)

    def close(self) -> None:
        """Ends the child, whatever it is at; the next question starts another one."""
        child, self._child = self._child, None
        if child is None or child.owner != os.getpid():
            return
        child.process.kill()
        # Who waits for an answer uses the pipes: it closes them when it notices.
        if self._lock.acquire(blocking=False):
            _end(child.process)
            self._lock.release()

    # -- starting

    def _started(self, end: float, timeout: float) -> _Started:
        """The child, its model loaded. Loading goes on where nobody waits for it any longer."""
        child = self._child
        if child is None or child.owner != os.getpid() or (child.process.poll() is not None):
            child = self._start()
        while self._facts is None:
            try:
                message = self._next(child, min(end, child.since + LOAD_SECONDS))
            except TimeoutError:
                if time.monotonic() - child.since >= LOAD_SECONDS:
                    self._discard(child)
                    raise TimedOut(self._id, f"the model was not loaded within {LOAD_SECONDS:g} s") from None
                raise TimedOut(self._id, f"no answer within {timeout:g} s: the model is loading") from None
            except Crashed as error:
                error.retryable = False  # it would happen again
                raise
            if "failed" in message:
                raise self._failed_to_load(child, message)
            self._facts = message.get("ready")
        return child

    def _start(self) -> _Started:
        self._facts = None
        log = tempfile.TemporaryFile()  # noqa: SIM115  lives as long as the child
        # What this process finds, and from wherever it found it, the child must find too.
        path = os.pathsep.join([_ROOT, *(folder or os.getcwd() for folder in sys.path)])
        environment = {**os.environ, "PYTHONPATH": path}
        try:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "runtime.providers.llama.child"], env=environment,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, bufsize=0,
            )  # fmt: skip
        except OSError as error:
            log.close()
            raise Unavailable(self._id, f"no process for the model can be started: {error}") from error
        assert process.stdin is not None
        os.set_blocking(process.stdin.fileno(), False)
        child = _Started(process, log, Unpacker(), [], time.monotonic(), os.getpid())
        weakref.finalize(self, _end, process)
        self._child = child
        self._send(child, self._settings, child.since + LOAD_SECONDS)
        return child

    def _failed_to_load(self, child: _Started, message: dict[str, Any]) -> ProviderError:
        kind, text = message["failed"], str(message.get("message", ""))
        log = _log(child)
        self._discard(child)
        if kind == "package":
            missing = find_spec("llama_cpp") is None
            why = "is needed for models in GGUF files" if missing else f"cannot be loaded: {text}"
            return Misconfigured(self._id, f"llama-cpp-python {why}", hint="pip install 'rtfsc[llama]'")
        if kind == "memory":
            return Misconfigured(self._id, "not enough memory for the model", hint="try a smaller context")
        return Misconfigured(self._id, f"the model cannot be loaded: {_joined(text, log)}")

    # -- asking

    def _answer(self, child: _Started, question: dict[str, Any], end: float, timeout: float,
                on_text: OnText | None) -> dict[str, Any]:  # fmt: skip
        id = question["id"]
        try:
            self._send(child, question, end)
            while True:
                message = self._next(child, end)
                if message.get("id") != id:
                    continue  # of a question that was given up
                if "taken" in message:
                    self._taken = True
                elif "text" in message:
                    if on_text is not None:
                        on_text(message["text"])
                elif "done" in message:
                    done: dict[str, Any] = message["done"]
                    return done
                else:
                    raise self._error(message)
        except TimeoutError:
            self._give_up(child, id)
            raise TimedOut(self._id, f"no answer within {timeout:g} s") from None
        except ProviderError:
            raise
        except BaseException:  # of on_text, or a key pressed
            self._give_up(child, id)
            raise

    def _error(self, message: dict[str, Any]) -> ProviderError:
        kind, text = message.get("error"), str(message.get("message", ""))
        if kind == "memory":
            return Unavailable(self._id, "out of memory")
        if kind in ("refused", "grammar"):
            return Refused(self._id, text)
        return ProviderError(self._id, text)

    def _give_up(self, child: _Started, id: int) -> None:
        """Tells the child to stop; where it does not listen, it is ended."""
        end = time.monotonic() + _GRACE_SECONDS
        with suppress(TimeoutError, ProviderError):
            self._send(child, {"cancel": id}, end)
            while True:
                message = self._next(child, end)
                if message.get("id") == id and message.keys() & {"done", "error"}:
                    return
        self._discard(child)

    # -- the pipes

    def _send(self, child: _Started, message: dict[str, Any], end: float) -> None:
        """Raises TimeoutError, `ProviderError`."""
        pipe = child.process.stdin
        assert pipe is not None
        data = memoryview(packed(message))
        if len(data) > MOST:
            raise Refused(self._id, f"a question of more than {MOST} bytes")
        while data:
            self._wait(child, pipe, select.POLLOUT, end)
            try:
                data = data[os.write(pipe.fileno(), data) :]
            except BlockingIOError:
                continue
            except (OSError, ValueError):
                raise self._crash(child) from None

    def _next(self, child: _Started, end: float) -> dict[str, Any]:
        """Raises TimeoutError, `ProviderError`."""
        pipe = child.process.stdout
        assert pipe is not None
        while not child.waiting:
            self._wait(child, pipe, select.POLLIN, end)
            try:
                data = os.read(pipe.fileno(), 1 << 16)
                child.waiting.extend(child.unpacker.feed(data))
            except Malformed as error:
                self._discard(child)
                raise Garbled(self._id, f"the model's process sends no messages ({error})") from None
            except (OSError, ValueError):
                data = b""
            if not data:
                raise self._crash(child)
        return child.waiting.pop(0)

    def _wait(self, child: _Started, pipe: IO[bytes], event: int, end: float) -> None:
        poll = select.poll()
        try:
            poll.register(pipe.fileno(), event)
        except ValueError:
            raise self._crash(child) from None
        while True:
            left = end - time.monotonic()
            if left <= 0:
                raise TimeoutError
            if self._child is not child:
                raise self._crash(child)
            if poll.poll(min(left, 1.0) * 1000):
                return

    def _crash(self, child: _Started) -> ProviderError:
        """What is to be said of a child that is gone, or that was ended from here."""
        if self._child is not child:
            _end(child.process)
            return Interrupted(self._id, _CLOSED)
        with suppress(subprocess.TimeoutExpired):
            child.process.wait(_GRACE_SECONDS)
        status, log = child.process.returncode, _log(child)
        self._discard(child)
        how, hint = _how_it_ended(status)
        return Crashed(self._id, _joined(f"the model's process {how}", log), hint=hint)

    def _discard(self, child: _Started) -> None:
        if self._child is child:
            self._child = None
        _end(child.process)
        child.log.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()


def _how_it_ended(status: int | None) -> tuple[str, str | None]:
    if status is None:
        return "closed its output", None
    if status >= 0:
        return f"ended with status {status}", None
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    hint = "perhaps the machine ran out of memory" if name == "SIGKILL" else None
    return f"was ended by {name}", hint


def _log(child: _Started) -> str:
    """The last lines that the child printed."""
    try:
        size = child.log.seek(0, os.SEEK_END)
        child.log.seek(max(0, size - _LOG_BYTES))
        text = child.log.read().decode("utf-8", "replace")
    except (OSError, ValueError):
        return ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " / ".join(lines[-3:])


def _joined(text: str, log: str) -> str:
    return f"{text} ({log[-400:]})" if log else text
