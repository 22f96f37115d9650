"""A random program by its seed: one of several generators, chosen by the seed."""

from __future__ import annotations

from random import Random

from library_programs import library_program
from random_programs import program as untyped_program
from typed_programs import Program, Source, program_with_modules, typed_program

BATCH = 10
"""Functions of one program in a batch."""


def any_program(seed: int) -> Source:
    """Of sixteen seeds: seven typed programs, three batches of functions, three of library calls, two
    programs with modules, one untyped program."""
    draw, kind = Random(seed), seed % 16
    if kind < 7:
        return Source(typed_program(draw))
    if kind < 10:
        return Source(Program(draw).batch(BATCH), count=BATCH)
    if kind < 13:
        return library_program(draw)
    return program_with_modules(draw) if kind < 15 else Source(untyped_program(seed))
