"""What commands that serve have in common: where they listen, and how they end."""

from __future__ import annotations

import argparse
import signal
import sys
from typing import Protocol

from runtime.latch import Latch


class Server(Protocol):
    """``url`` is known once it was started."""

    @property
    def url(self) -> str: ...

    def start(self) -> object: ...

    def stop(self) -> object: ...


def add_address(parser: argparse.ArgumentParser, port: int) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="where to listen (127.0.0.1: this machine only)")
    parser.add_argument("--port", type=_port, default=port, help=f"({port}; 0: any free one)")


def _port(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() else -1
    if not 0 <= number <= 65535:
        raise argparse.ArgumentTypeError(f"a port is a number from 0 to 65535, not {text}")
    return number


def serve(server: Server, what: str, suffix: str = "") -> None:
    """Until the process is asked to end, by Ctrl-C or SIGTERM."""
    end = Latch()
    before = {
        number: signal.signal(number, lambda *_: end.set()) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        server.start()
        print(f"{what}: {server.url}{suffix} (Ctrl-C ends it)", file=sys.stderr, flush=True)
        end.wait()
    finally:
        server.stop()
        for number, handler in before.items():
            signal.signal(number, handler)
