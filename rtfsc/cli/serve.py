"""``rtfsc serve --arbiter``: models of this machine, offered to others."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable

from rtfsc.cli.common import OK, UsageError, positive
from rtfsc.cli.delegating import add_file, delegation_of
from rtfsc.cli.serving import add_address, serve

_SHORTEST_TOKEN = 16


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--arbiter", action="store_true", required=True, help="models for other hosts")
    add_file(parser, "where the models are configured")
    parser.add_argument(
        "--offer", action="append", metavar="ID",
        help="offer this model; may be repeated (default: all that FILE configures)",
    )  # fmt: skip
    add_address(parser, 8080)
    parser.add_argument(
        "--tokens", metavar="FILE",
        help="TOML that only its owner can read, with a table [tokens] of tenants and their tokens; needed"
        " for other hosts than this",
    )  # fmt: skip
    parser.add_argument("--certificate", metavar="FILE", help="PEM; the server speaks HTTPS then")
    parser.add_argument("--private-key", metavar="FILE", help="PEM (default: in the certificate's file)")
    parser.add_argument(
        "--max-seconds", type=positive, default=120, metavar="S", help="of one answer (default 120)"
    )
    parser.add_argument(
        "--max-bytes", type=positive, default=1 << 20, metavar="N", help="of one request (default 1 MiB)"
    )
    parser.add_argument(
        "--max-requests", type=positive, default=32, metavar="N",
        help="at a time; a tenant has at most half of them (default 32)",
    )  # fmt: skip
    parser.add_argument(
        "--metrics", action="store_true", help="answer GET /metrics too, for Prometheus, to whoever may ask"
    )
    parser.add_argument("--quiet", action="store_true", help="log no requests")


def run(options: argparse.Namespace) -> int:
    from runtime.delegation.setup import open_delegation
    from runtime.obs.events import BUS
    from runtime.providers.arbiter_server import ArbiterServer, Settings, Unsafe, is_loopback

    if options.delegation is None and not options.offer:
        raise UsageError("say which models: --delegation FILE, or --offer ID")
    tokens = read_tokens(options.tokens) if options.tokens is not None else {}
    with delegation_of(options) as configured:
        delegating = configured or open_delegation()
        offered = options.offer or sorted(delegating.policy.models)
        settings = Settings(
            options.host, options.port, tokens, offered, options.certificate, options.private_key,
            most_bytes=options.max_bytes, most_seconds=float(options.max_seconds),
            most_requests=options.max_requests, per_tenant=max(1, options.max_requests // 2) if tokens
            else options.max_requests,
        )  # fmt: skip
        try:
            log = None if options.quiet else _log
            metrics = _metrics() if options.metrics else None
            server = ArbiterServer(delegating.registry, settings, emit=BUS, log=log, metrics=metrics)
        except Unsafe as error:
            raise UsageError(f"{error} (--tokens FILE)") from None
        if not is_loopback(options.host) and options.certificate is None:
            print("rtfsc: warning: tokens and texts travel unencrypted (--certificate FILE)", file=sys.stderr)
        try:
            serve(server, "arbiter")
        except OSError as error:
            where = error.filename or f"{options.host} port {options.port}"
            raise UsageError(f"{where}: {error.strerror or error}") from None
    return OK


def _metrics() -> Callable[[], str]:
    """Counts from now on what this process does."""
    from rtfsc.version import __version__
    from runtime.obs.events import BUS
    from runtime.obs.prometheus import exposition
    from runtime.obs.tally import Tally

    tally = Tally()
    BUS.subscribe(tally)
    return lambda: exposition(tally, __version__)


def read_tokens(path: str) -> dict[str, str]:
    """Tokens by tenant. Raises `UsageError`, without any token in the message."""
    import tomllib

    try:
        if os.name == "posix" and os.stat(path).st_mode & 0o077:
            raise UsageError(f"{path} can be read by others: chmod 600 {path}")
        with open(path, "rb") as file:
            table = tomllib.load(file)
    except OSError as error:
        raise UsageError(f"--tokens: {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        place = str(error).rpartition("(")[2].rstrip(")")
        raise UsageError(f"--tokens: {path} is not TOML ({place})") from None
    tokens = table.get("tokens")
    if not isinstance(tokens, dict) or not tokens or table.keys() != {"tokens"}:
        raise UsageError(f'--tokens: {path} must have one table, [tokens], with a line tenant = "token" each')
    for tenant, token in tokens.items():
        if not isinstance(token, str) or len(token) < _SHORTEST_TOKEN or not token.isascii() or " " in token:
            wanted = f"one word of ASCII, at least {_SHORTEST_TOKEN} characters long"
            raise UsageError(f"--tokens: the token of {tenant} must be {wanted}")
    if len(set(tokens.values())) < len(tokens):
        raise UsageError("--tokens: two tenants have the same token")
    return tokens


def _log(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
