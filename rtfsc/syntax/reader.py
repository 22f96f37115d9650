"""Source text to forms."""

from __future__ import annotations

import gc
from typing import Final

from rtfsc.diagnostics import Sink
from rtfsc.source import SourceFile
from rtfsc.syntax.forms import Form
from rtfsc.syntax.parser import Parser
from rtfsc.syntax.tables import load

_BIG: Final = 20_000
"""Code points from which the collector is paused: forms have no cycles, and it would scan them often."""


def read(source: SourceFile, sink: Sink) -> list[Form]:
    """The top-level forms of ``source``, in order; an empty text has none.

    Syntax errors (codes S…) go to ``sink``; nothing is raised. If there are any, the forms are those
    that could be made out and must not be compiled.
    """
    if sink.source is None:
        sink.source = source
    paused = len(source.text) >= _BIG and gc.isenabled()
    if paused:
        gc.disable()
    try:
        return Parser(source, sink, load()).parse()
    finally:
        if paused:
            gc.enable()
