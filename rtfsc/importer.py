"""Makes ``import pricing`` find ``pricing.rtfs`` on ``sys.path``, from ``import rtfsc.importer`` on.

Python's own modules come first: a file is looked for only where nothing else has the name. The exports are
attributes of the module, hyphens as underscores; ``__file__`` is the source.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rtfsc.diagnostics import Diagnostic
    from rtfsc.source import SourceFile
    from runtime.engine import Runtime

_SUFFIX = ".rtfs"


def install(
    path: Sequence[str | os.PathLike[str]] | None = None,
    engine: str | None = None,
    runtime: Runtime | None = None,
) -> None:
    """Looks for top-level modules in the folders of ``path`` instead of ``sys.path``, and compiles them with
    ``runtime`` (default: one without a store) for ``engine`` (default: the runtime's). Replaces what was
    said before; modules that are imported already stay as they are."""
    uninstall()
    sys.meta_path.append(RtfsFinder(path, engine, runtime))


def uninstall() -> None:
    """Modules that are imported stay usable."""
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, RtfsFinder)]


class RtfsFinder(MetaPathFinder):
    """Finds ``NAME.rtfs``, or ``a-name.rtfs`` for ``a_name``."""

    def __init__(
        self, path: Sequence[str | os.PathLike[str]] | None, engine: str | None, runtime: Runtime | None
    ) -> None:
        self._path = None if path is None else [os.fspath(folder) for folder in path]
        self._loader = RtfsLoader(engine, runtime)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        name = fullname.rpartition(".")[2]
        folders = path if path is not None else self._path if self._path is not None else sys.path
        for folder in folders:
            for stem in dict.fromkeys((name, name.replace("_", "-"))):
                file = os.path.join(os.path.abspath(folder or os.curdir), stem + _SUFFIX)
                if os.path.isfile(file):
                    return spec_from_file_location(fullname, file, loader=self._loader)
        return None


class RtfsModule(ModuleType):
    """A module whose attributes are the exports of an RTFS program, ``__rtfs_module__``."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        try:
            return getattr(self.__rtfs_module__, name)
        except AttributeError as error:
            raise AttributeError(f"{self.__name__}: {error}", name=name, obj=self) from None

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self.__all__})


class RtfsLoader(Loader):
    """Compiles the file of a module when it is executed."""

    def __init__(self, engine: str | None, runtime: Runtime | None) -> None:
        self._engine, self._runtime = engine, runtime

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return RtfsModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Raises ImportError for a file that cannot be read, is refused, or whose top level fails."""
        from rtfsc.diagnostics import Diagnostic, DiagnosticError
        from rtfsc.source import SourceFile, Span
        from runtime.values import RtfsError

        assert module.__file__ is not None
        source = None
        try:
            source = SourceFile.read(module.__file__)
            compiled = self._get_runtime().compile_source(source, engine=self._engine)
        except DiagnosticError as error:
            raise _import_error(module, error.diagnostics, error.source) from error
        except RtfsError as error:
            about = source if error.module is None else getattr(error, "sources", {}).get(error.module)
            span = Span(*error.span) if error.span and about is not None else None
            raise _import_error(module, [Diagnostic(error.code, str(error), span)], about) from error
        if compiled.__rtfs_warnings__:
            _warn(compiled.__rtfs_warnings__, source)
        module.__dict__["__rtfs_module__"] = compiled
        module.__dict__["__all__"] = [_python_name(name) for name in compiled]

    def get_source(self, fullname: str) -> str | None:
        """For `inspect` and `linecache`."""
        from rtfsc.source import SourceFile

        file = getattr(sys.modules.get(fullname), "__file__", None)
        return SourceFile.read(file).text if file else None

    def _get_runtime(self) -> Runtime:
        if self._runtime is None:
            from runtime.engine import Runtime

            self._runtime = Runtime()
        return self._runtime


def _python_name(name: str) -> str:
    return name.rstrip("?").replace("-", "_")


def _import_error(
    module: ModuleType, diagnostics: Sequence[Diagnostic], source: SourceFile | None
) -> ImportError:
    from rtfsc.diagnostics.render import render

    text = render(list(diagnostics), source)
    return ImportError(
        f"{module.__name__} cannot be imported\n{text}", name=module.__name__, path=module.__file__
    )


def _warn(diagnostics: Sequence[Diagnostic], source: SourceFile | None) -> None:
    """As Python warns of its own sources."""
    import warnings

    from rtfsc.diagnostics.render import render

    warnings.warn(render(list(diagnostics), source, "concise").rstrip(), SyntaxWarning, stacklevel=2)


install()
