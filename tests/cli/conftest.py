"""The command line as its users run it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from cli_runner import EXAMPLES, Cli, runner


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The native cache is worth sharing: it is keyed by content."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def cli(tmp_path: Path, shared: Path) -> Cli:
    """With an empty home: no keys, no trust, no store."""
    return runner(tmp_path, shared)


@pytest.fixture(scope="session")
def published_home(tmp_path_factory: pytest.TempPathFactory, shared: Path) -> Path:
    """A home whose store has the examples."""
    folder = tmp_path_factory.mktemp("published")
    cli = runner(folder, shared)
    cli("init", "--home")
    cli("publish", EXAMPLES, "--inputs", "5")
    return cli.home


@pytest.fixture
def published(cli: Cli, published_home: Path) -> Cli:
    """With a copy of that home."""
    shutil.copytree(published_home, cli.home)
    return cli
