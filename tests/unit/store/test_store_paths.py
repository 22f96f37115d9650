from __future__ import annotations

from pathlib import Path

import pytest

from runtime.store.paths import default_paths, user_home


def test_the_users_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/zoe")
    assert user_home({"RTFSC_HOME": "/data/rtfsc", "XDG_DATA_HOME": "/xdg"}) == Path("/data/rtfsc")
    assert user_home({"XDG_DATA_HOME": "/xdg"}) == Path("/xdg/rtfsc")
    assert user_home({"XDG_DATA_HOME": "relative"}) == Path("/home/zoe/.local/share/rtfsc")
    assert user_home({}) == Path("/home/zoe/.local/share/rtfsc")


def test_a_project_brings_its_store_but_neither_keys_nor_trust(tmp_path: Path) -> None:
    environ = {"RTFSC_HOME": str(tmp_path / "home")}
    (tmp_path / "project" / ".rtfsc").mkdir(parents=True)
    (tmp_path / "project" / "src").mkdir()
    paths = default_paths(tmp_path / "project" / "src", environ)
    assert paths.store == tmp_path / "project" / ".rtfsc" / "store"
    assert paths.keys == tmp_path / "home" / "keys"
    assert paths.trust == tmp_path / "home" / "trust.json"


def test_without_a_project_the_store_is_the_users(tmp_path: Path) -> None:
    environ = {"RTFSC_HOME": str(tmp_path / "home")}
    assert default_paths(tmp_path, environ).store == tmp_path / "home" / "store"
    assert not (tmp_path / "home").exists()
