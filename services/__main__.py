"""``python -m services [--only SERVER] [COMMAND …]``: runs a command with the servers up and the settings in
its environment; without a command prints the settings and waits for Ctrl-C. Azure only where it is named."""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import subprocess
import sys
from contextlib import ExitStack

from services import Unavailable
from services.azure import Azure
from services.ceph import Ceph
from services.nats import Nats
from services.postgres import Postgres
from services.redis import Redis

_SERVERS: dict[str, type[Postgres | Ceph | Azure | Redis | Nats]] = {
    "postgres": Postgres,
    "s3": Ceph,
    "azure": Azure,
    "redis": Redis,
    "nats": Nats,
}
_ON_DEMAND = {"azure"}  # a large installation that only its own tests need


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="scripts/services", description=__doc__)
    parser.add_argument("--only", choices=_SERVERS, help="one server")
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="COMMAND")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the servers are stopped
    with ExitStack() as stack:
        settings: dict[str, str] = {}
        for name in [options.only] if options.only else [each for each in _SERVERS if each not in _ON_DEMAND]:
            try:
                server = _SERVERS[name]()
                stack.callback(server.close)
                server.start()
            except Unavailable as error:
                print(f"{parser.prog}: {name} cannot be had here: {error}", file=sys.stderr)
                return 1
            settings |= server.settings()
        if not options.only:
            settings["RTFSC_STORE"] = f"{settings['RTFSC_TEST_S3']} {settings['RTFSC_TEST_POSTGRES']}"
        if options.command:
            return subprocess.run(options.command, env={**os.environ, **settings}, check=False).returncode
        for name, value in settings.items():
            print(f"export {name}={shlex.quote(value)}", flush=True)
        try:
            signal.pause()
        except KeyboardInterrupt:
            print("stopping", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
