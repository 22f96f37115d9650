"""Results of tests as JUnit XML, as continuous integration reads it."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from itertools import groupby

from rtfsc.testing.report import details
from rtfsc.testing.runner import Result

# What XML 1.0 cannot hold in any spelling.
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(results: Sequence[Result]) -> bytes:
    """A ``testsuite`` per file; an ``is`` that did not hold is a ``failure``, all else an ``error``."""
    root = ET.Element("testsuites", _counts(results))
    for file, group in groupby(results, key=lambda result: result.file):
        of_file = list(group)
        suite = ET.SubElement(root, "testsuite", {"name": _clean(file), **_counts(of_file)})
        for result in of_file:
            _case(suite, result)
    ET.indent(root)
    text: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _counts(results: Sequence[Result]) -> dict[str, str]:
    failures = [result.failure for result in results if result.failure]
    errors = sum(failure.is_error for failure in failures)
    return {
        "tests": str(len(results)),
        "failures": str(len(failures) - errors),
        "errors": str(errors),
        "skipped": "0",
        "time": f"{sum(result.seconds for result in results):.3f}",
    }


def _case(suite: ET.Element, result: Result) -> None:
    case = ET.SubElement(
        suite,
        "testcase",
        {
            "classname": f"{_clean(result.file)}.{result.engine}",
            "name": result.name,
            "file": _clean(result.file),
            "line": str(result.line),
            "time": f"{result.seconds:.3f}",
        },
    )
    failure = result.failure
    if failure:
        kind = "error" if failure.is_error else "failure"
        code = failure.diagnostics[0].code
        element = ET.SubElement(case, kind, {"message": _clean(failure.message), "type": code})
        element.text = _clean(details(failure))


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)
