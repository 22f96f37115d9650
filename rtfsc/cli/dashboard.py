"""``rtfsc dashboard``: a web page about what programs, caches, models and the store did."""

from __future__ import annotations

import argparse
import os

from rtfsc.cli.common import OK, UsageError, add_store
from rtfsc.cli.delegating import add_file, refused
from rtfsc.cli.serving import add_address, serve

TOKEN = "RTFSC_DASHBOARD_TOKEN"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_address(parser, 8674)
    parser.add_argument(
        "--token-file",
        metavar="FILE",
        help=f"only for whoever has the token in this file, or in ${TOKEN}; needed for other hosts than this",
    )
    add_file(parser, "show the health of the models of this file too")
    add_store(parser)


def run(options: argparse.Namespace) -> int:
    from rtfsc.version import __version__
    from runtime.dashboard.facts import Collector
    from runtime.dashboard.server import WebServer, dashboard_routes
    from runtime.engine import Runtime
    from runtime.obs.prometheus import exposition
    from runtime.obs.statistics import read

    token = _token(options.token_file)
    with Runtime(store=options.store or True, delegation=options.delegation) as runtime:
        runtime.choice  # noqa: B018 - a configuration that is wrong is said here, not on the page
        with refused(options):
            runtime.delegation  # noqa: B018
        collector = Collector(runtime)

        def metrics() -> str:
            return exposition(read(collector.statistics).total, __version__)

        try:
            server = WebServer(dashboard_routes(collector, metrics), options.host, options.port, token)
        except ValueError as error:
            raise UsageError(f"{error} (--token-file FILE, or {TOKEN})") from None
        except OSError as error:
            raise UsageError(f"{options.host} port {options.port}: {error.strerror}") from None
        serve(server, "dashboard", "" if token is None else "?token=…")
    return OK


def _token(path: str | None) -> str | None:
    if path is None:
        return os.environ.get(TOKEN) or None
    try:
        with open(path, encoding="utf-8") as file:
            return file.read(4096).strip()
    except (OSError, ValueError) as error:
        raise UsageError(f"--token-file: {error}") from None
