"""``rtfsc publish``: compile, certify, sign and store."""

from __future__ import annotations

import argparse
import json
from typing import Any

from rtfsc.cli.common import (
    OK,
    PROGRAM_ERROR,
    add_level,
    add_path,
    add_store,
    module_name,
    positive,
    progress,
    read_source,
    rtfs_files,
    tell,
)
from rtfsc.cli.failures import of_source, show_refusal
from rtfsc.diagnostics import DiagnosticError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="+", help="files or folders; '-' reads standard input")
    parser.add_argument(
        "--key", action="append", help="name of a signing key (default: local); may be repeated"
    )
    parser.add_argument(
        "--expires", type=days, metavar="DAYS", help="it is not used any more after so many days"
    )
    parser.add_argument(
        "--inputs", type=positive, metavar="N", help="generated inputs per function (default 40)"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line per module")
    add_level(parser)
    add_path(parser)
    add_store(parser)


def run(options: argparse.Namespace) -> int:
    from rtfsc.cli.passphrase import signing_key
    from runtime.engine import Runtime

    failed = False
    with Runtime(store=options.store or True, level=options.level, path=options.path) as runtime:
        keys = [signing_key(runtime, name) for name in dict.fromkeys(options.key or ["local"])]
        for path in progress(rtfs_files(options.paths), "publishing"):
            try:
                _publish(runtime, path, keys, options)
            except DiagnosticError as error:
                show_refusal(error, options.output_format)
                failed = True
    return PROGRAM_ERROR if failed else OK


def days(text: str) -> int:
    count = positive(text)
    if count > 36500:
        raise argparse.ArgumentTypeError(f"at most 36500 days, not {text}")
    return count


def _publish(runtime: Any, path: str, keys: list[Any], options: argparse.Namespace) -> None:
    name = module_name(path)
    source = read_source(path)
    with of_source(source):
        published = runtime.publish(
            source, name=name, key=keys, inputs=options.inputs, expires_days=options.expires
        )
    certificate, stored = published.certificate, published.entry.name
    if options.json:
        facts = {
            "name": name,
            "stored_as": stored,
            "digest": published.digest,
            "created": published.created,
            "status": published.entry.status,
            "bytes": published.size,
            "inputs": certificate.inputs,
            "inconclusive": certificate.inconclusive,
            "engines": list(certificate.engines),
        }
        print(json.dumps(facts, ensure_ascii=False))
        return
    state = "published" if published.created else "already there" + f" as {stored}" * (stored != name)
    if published.entry.status == "Pending":
        state = f"waits for signatures ({published.entry.status_reason})"
    tell(
        f"{name}: {state}, sha256 {published.digest[:16]}, {published.size:,} bytes, "
        f"{certificate.inputs} inputs agree on {' and '.join(certificate.engines)}"
    )
