"""``rtfsc metrics``: what was counted, for Prometheus."""

from __future__ import annotations

import argparse

from rtfsc.cli.common import OK, UsageError
from rtfsc.cli.serving import add_address, serve


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--serve", action="store_true", help="serve them at /metrics instead of printing them"
    )
    add_address(parser, 9464)


def run(options: argparse.Namespace) -> int:
    from rtfsc.version import __version__
    from runtime.obs.prometheus import CONTENT_TYPE, exposition
    from runtime.obs.statistics import FILE, read
    from runtime.store.paths import user_home

    path = user_home() / FILE

    def metrics() -> str:
        return exposition(read(path).total, __version__)

    if not options.serve:
        print(metrics(), end="")
        return OK
    from runtime.dashboard.server import Answer, WebServer

    routes = {"/metrics": lambda query: Answer(200, CONTENT_TYPE, metrics().encode())}
    try:
        server = WebServer(routes, options.host, options.port)
    except ValueError as error:
        raise UsageError(f"{error}; 'rtfsc dashboard' takes one and serves /metrics too") from None
    except OSError as error:
        raise UsageError(f"{options.host} port {options.port}: {error.strerror}") from None
    serve(server, "metrics", "metrics")
    return OK
