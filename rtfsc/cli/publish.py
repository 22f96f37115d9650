"""``rtfsc publish``: compile, certify, sign and store."""

from __future__ import annotations

import argparse

from rtfsc.cli.common import (
    OK,
    PROGRAM_ERROR,
    UsageError,
    add_level,
    add_store,
    positive,
    print_json,
    progress,
    read_source,
    rtfs_files,
    show,
)
from rtfsc.diagnostics import DiagnosticError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="+", help="files or folders")
    parser.add_argument("--key", default="local", help="name of the signing key (default: local)")
    parser.add_argument("--inputs", type=positive, metavar="N", help="generated inputs per function (default 40)")
    parser.add_argument("--json", action="store_true", help="one JSON object per module")
    add_level(parser)
    add_store(parser)


def run(options: argparse.Namespace) -> int:
    from runtime.engine import Runtime

    failed = False
    with Runtime(store=options.store or True, level=options.level) as runtime:
        if options.key not in runtime.keys:
            raise UsageError(f"there is no key '{options.key}'; 'rtfsc init' makes the local one, 'rtfsc keys new' others")
        for path in progress(rtfs_files(options.paths), "publishing"):
            try:
                _publish(runtime, path, options)
            except DiagnosticError as error:
                show(error.diagnostics, error.source, options.output_format)
                failed = True
    return PROGRAM_ERROR if failed else OK


def _publish(runtime, path: str, options: argparse.Namespace) -> None:  # type: ignore[no-untyped-def]
    import os

    from rtfsc.cli.passphrase import ask

    name = os.path.splitext(os.path.basename(path))[0] if path != "-" else "main"
    published = runtime.publish(read_source(path), name=name, key=options.key, inputs=options.inputs, prompt=ask)
    certificate = published.certificate
    if options.json:
        print_json(
            {"name": name, "digest": published.digest, "created": published.created, "bytes": published.size,
             "inputs": certificate.inputs, "inconclusive": certificate.inconclusive}
        )  # fmt: skip
        return
    state = "published" if published.created else "already there"
    print(
        f"{name}: {state}, sha256 {published.digest[:16]}, {published.size:,} bytes, "
        f"{certificate.inputs} inputs agree on {' and '.join(certificate.engines)}"
    )
