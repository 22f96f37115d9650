"""Build of rtfsc: generated sources, `rt.wasm`, parse tables and library, Cython extensions.

``python setup.py build_rt`` makes the generated files, ``python setup.py build_ext --inplace`` the
extensions; every output is git-ignored and lies beside its sources.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any, ClassVar

from setuptools import Command, Extension, setup
from setuptools.command.build import build as _build
from setuptools.command.build_ext import build_ext as _build_ext

ROOT = Path(__file__).resolve().parent
TEMP = ROOT / "build" / "rt"
sys.path.insert(0, str(ROOT))

NATIVE = "runtime.evaluator.native"
"""The one extension that holds `rt`."""


class build_rt(Command):
    """Generates the layout files and compiles `rt.wasm`; then the artifacts of the front end."""

    description = "build the runtime library, parse tables and the standard library"
    user_options: ClassVar[list[tuple[str, str | None, str]]] = []
    editable_mode = False
    build_lib = ""

    def initialize_options(self) -> None:
        pass

    def finalize_options(self) -> None:
        pass

    def run(self) -> None:
        from buildtools.compile_rt import compile_rt
        from buildtools.generate import generate

        compile_rt(ROOT, generate(ROOT), TEMP)
        self._artifact("rtfsc.syntax.tables", "build_tables", "rtfsc/syntax/grammar.tables")
        self._artifact("rtfsc.stdlib.build", "build", "rtfsc/stdlib/stdlib.irb")

    def _artifact(self, module: str, function: str, path: str) -> None:
        if (ROOT / (module.replace(".", "/") + ".py")).exists():
            getattr(importlib.import_module(module), function)(ROOT / path)

    def get_source_files(self) -> list[str]:
        return []

    def get_outputs(self) -> list[str]:
        return []

    def get_output_mapping(self) -> dict[str, str]:
        return {}


class build(_build):
    # First, because the package data that build_py collects is made here.
    sub_commands: ClassVar = [("build_rt", None), *_build.sub_commands]


class build_ext(_build_ext):
    """Makes as many extensions as possible before it reports the first that cannot be made."""

    def run(self) -> None:
        from buildtools.generate import generate

        generate(ROOT)
        super().run()

    def build_extensions(self) -> None:
        failures: list[tuple[str, Exception]] = []
        for extension in list(self.extensions):
            try:
                self.build_extension(extension)
            except Exception as error:  # compiler, Cython or zig: all are reported below
                failures.append((extension.name, error))
                self.extensions.remove(extension)
        if failures:
            if self.inplace:
                self.copy_extensions_to_source()
            raise SystemExit("\n".join(f"error: {name}: {error}" for name, error in failures))

    def build_extension(self, ext: Any) -> None:
        if ext.name == NATIVE:
            from buildtools.compile_rt import compile_float_object

            ext.extra_objects = [str(compile_float_object(ROOT, TEMP))]
        super().build_extension(ext)


def extensions() -> list[Extension]:
    rt = [str(path.relative_to(ROOT)) for path in sorted((ROOT / "backend_wasm/rt").glob("*.[ch]"))]
    native_parts = [
        str(path.relative_to(ROOT)) for path in sorted((ROOT / "runtime/evaluator").glob("*.px[id]"))
    ]
    found = []
    for path in sorted((ROOT / "runtime").rglob("*.pyx")):
        source = path.relative_to(ROOT)
        name = ".".join(source.with_suffix("").parts)
        native = name == NATIVE
        found.append(
            Extension(
                name,
                [str(source), "backend_wasm/rt/rt.c"] if native else [str(source)],
                include_dirs=["backend_wasm/rt"],
                depends=[*rt, *native_parts, "backend_wasm/layout.toml", "rtfsc/errors.toml"]
                if native
                else [],
                extra_compile_args=[
                    "-O2",
                    "-g0",
                    "-fvisibility=hidden",
                    "-ffp-contract=off",
                    "-fno-math-errno",
                ],
                libraries=["m"] if native else [],
            )
        )
    return found


setup(
    ext_modules=extensions(),
    cmdclass={"build": build, "build_rt": build_rt, "build_ext": build_ext},
)
