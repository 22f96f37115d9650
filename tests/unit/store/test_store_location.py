"""Places of stores: their forms, who chooses, and to what a project needs the user's agreement."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.store.config import Choice, NotAllowed, allow, chosen, require_allowed
from runtime.store.errors import StoreError
from runtime.store.folder import FolderBackend
from runtime.store.location import BadLocation, Location, without_secrets
from runtime.store.memory import MemoryBackend, MemoryIndex
from runtime.store.opening import open_blobs, open_index
from runtime.store.paths import Paths
from runtime.store.sqlite import SqliteIndex

S3, PG = "s3://bucket/prefix", "postgresql://user@host/db"


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path / "home", tmp_path / "home" / "store")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


def choose(paths: Paths, start: Path, given: Location | None = None, **environ: str) -> Choice:
    return chosen(given, paths, start, environ)


def configure(folder: Path, text: str, name: str = "rtfsc.toml") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)
    return folder / name


def test_a_folder(tmp_path: Path) -> None:
    place = Location.parse(tmp_path / "my store")
    assert (
        place.folder == tmp_path / "my store"
        and not place.remote
        and str(place) == str(tmp_path / "my store")
    )
    assert open_blobs(place.blobs).folder == tmp_path / "my store" / "blobs"  # type: ignore[attr-defined]
    assert open_index(place.index).path == tmp_path / "my store" / "index.sqlite"  # type: ignore[attr-defined]
    assert Location.parse("store").folder == Path.cwd() / "store"


@pytest.mark.parametrize(
    "text",
    [
        f"file:///blobs?region=x {PG}",
        f"{S3} sqlite:///index.sqlite?mode=ro",
        f"{S3} sqlite:///index#1.sqlite",
    ],
)
def test_local_addresses_take_no_parameters(text: str) -> None:
    with pytest.raises(BadLocation, match="takes no parameters") as caught:
        Location.parse(text)
    assert "%3F" in str(caught.value.hint)
    place = Location.in_folder(Path("/a?b#c"))
    assert place.folder == Path("/a?b#c") and Location.of(place.blobs, place.index) == place


@pytest.mark.parametrize("text", [f"{S3} {PG}", f"{PG}   {S3}", f" {S3}\n{PG} "])
def test_two_addresses_in_any_order(text: str) -> None:
    place = Location.parse(text)
    assert (place.blobs, place.index) == (S3, PG) and place.remote and place.folder is None


def test_backends_by_address(tmp_path: Path) -> None:
    mixed = Location.parse(f"file://{tmp_path}/b sqlite://{tmp_path}/i.db")
    assert not mixed.remote and mixed.folder is None
    assert isinstance(open_blobs(mixed.blobs), FolderBackend)
    assert isinstance(open_index(mixed.index), SqliteIndex)
    memory = Location.parse("memory:")
    assert isinstance(open_blobs(memory.blobs), MemoryBackend)
    assert isinstance(open_index(memory.index), MemoryIndex)
    assert Location.parse(f"{S3} sqlite://{tmp_path}/i.db").remote


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("s3://bucket", "S3Store"),
        ("s3://bucket/a/b?endpoint=http://127.0.0.1:9&region=eu-central-1", "S3Store"),
        ("gs://bucket/a", "GCSStore"),
        ("az://container/a?account=me", "AzureStore"),
        ("abfs://container/a?account=me", "AzureStore"),
    ],
)
def test_clouds_by_address(address: str, kind: str) -> None:
    backend = open_blobs(address)
    assert type(backend._store).__name__ == kind  # type: ignore[attr-defined]
    assert backend.name == address.partition("?")[0]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "text",
    ["", "  ", S3, PG, f"{S3} {S3}", f"{PG} {PG}", f"{S3} {PG} {PG}", "http://host/x postgresql://h/d",
     "s3://user:pw@bucket/x postgresql://h/d", "folder s3://bucket", "s3://[ postgresql://h/d"],
)  # fmt: skip
def test_what_is_no_place(text: str) -> None:
    with pytest.raises(BadLocation) as refused:
        Location.parse(text)
    assert refused.value.exit_code == 2 and "pw" not in str(refused.value)


@pytest.mark.parametrize(
    "address", ["s3://bucket?endpiont=x", "gs://bucket?region=x", "file://host/x", "s3://"]
)
def test_addresses_that_cannot_be_opened(address: str) -> None:
    with pytest.raises(StoreError):
        open_blobs(address)


def test_secrets_are_not_shown() -> None:
    assert without_secrets("postgresql://u:pw@h:1/d?password=x&sslmode=require") == (
        "postgresql://u:***@h:1/d?password=***&sslmode=require"
    )
    assert "pw" not in str(Location.parse(f"{S3} postgresql://u:pw@h/d"))


def test_who_chooses(paths: Paths, project: Path, tmp_path: Path) -> None:
    assert choose(paths, project).location.folder == paths.store
    configure(paths.home, '[store]\nfolder = "mine"\ncache_mb = 5', "config.toml")
    choice = choose(paths, project)
    assert (choice.location.folder, choice.cache_bytes) == (paths.home / "mine", 5 << 20)
    (project / ".rtfsc").mkdir()
    ours = paths._replace(store=project / ".rtfsc" / "store")
    assert choose(ours, project).location.folder == project / ".rtfsc" / "store"
    file = configure(project, f'[store]\nblobs = "{S3}"\nindex = "{PG}"')
    choice = choose(ours, project / "below")
    assert (choice.location, choice.origin, choice.project) == (Location.of(S3, PG), str(file), True)
    assert choice.cache_bytes == 5 << 20
    choice = choose(ours, project, RTFSC_STORE=str(tmp_path / "env"))
    assert (choice.location.folder, choice.origin) == (tmp_path / "env", "RTFSC_STORE")
    given = Location.parse(tmp_path / "given")
    assert choose(ours, project, given, RTFSC_STORE="nonsense://").location == given


def test_the_nearer_of_folder_and_file_counts(paths: Paths, project: Path) -> None:
    configure(project, '[store]\nfolder = "outer"')
    inner = project / "inner"
    (inner / ".rtfsc").mkdir(parents=True)
    assert choose(paths, inner).location.folder == paths.store
    configure(inner, '[store]\nfolder = "own"')
    assert choose(paths, inner).location.folder == inner / "own"
    configure(inner, "[other]\nx = 1")
    assert choose(paths, inner).location.folder == paths.store


@pytest.mark.parametrize(
    "text",
    ["store = 1", "[store]\nblobs = 's3://b'", "[store]\nplace = 'x'", "[store]\nfolder = 1", "[store",
     "[store]\ncache_mb = 'x'", "[store]\ncache_mb = true", "[store]\nfolder = 'x'\nblobs = 's3://b'",
     f"[store]\nblobs = '{S3}'\nindex = 'postgresql://u:topsecret@h/d'",
     f"[store]\nblobs = '{S3}'\nindex = 'postgresql://h/d?password=topsecret'",
     f"[store]\nblobs = '{PG}'\nindex = '{S3}'"],
)  # fmt: skip
def test_files_that_are_wrong(paths: Paths, project: Path, text: str) -> None:
    file = configure(project, text)
    with pytest.raises(StoreError) as refused:
        choose(paths, project)
    assert "topsecret" not in str(refused.value) and (
        str(file) in str(refused.value) or "Not an" in str(refused.value)
    )


def test_a_negative_bound_is_refused(paths: Paths, project: Path) -> None:
    configure(paths.home, "[store]\ncache_mb = -1", "config.toml")
    with pytest.raises(BadLocation):
        choose(paths, project)


def test_a_project_needs_agreement_to_its_servers(paths: Paths, project: Path) -> None:
    file = configure(project, f'[store]\nblobs = "{S3}"\nindex = "{PG}"')
    choice = choose(paths, project)
    with pytest.raises(NotAllowed, match=str(file)):
        require_allowed(choice, paths.home)
    allow(choice, paths.home)
    require_allowed(choice, paths.home)
    configure(project, f'[store]\nblobs = "{S3}"\nindex = "postgresql://evil/db"')
    with pytest.raises(NotAllowed):
        require_allowed(choose(paths, project), paths.home)


def test_folders_and_the_users_own_choice_need_none(paths: Paths, project: Path) -> None:
    configure(project, '[store]\nfolder = "x"')
    require_allowed(choose(paths, project), paths.home)
    require_allowed(choose(paths, project, RTFSC_STORE=f"{S3} {PG}"), paths.home)
    (project / "rtfsc.toml").unlink()
    configure(paths.home, f'[store]\nblobs = "{S3}"\nindex = "{PG}"', "config.toml")
    require_allowed(choose(paths, project), paths.home)


def test_offline_a_folder_takes_the_place_of_servers(paths: Paths, project: Path) -> None:
    choice = choose(paths, project, RTFSC_STORE=f"{S3} {PG}").offline(paths)
    assert choice.location.folder == paths.store and choice.left_out == Location.of(S3, PG)
    with pytest.raises(StoreError, match="Offline"):
        choice.require_reachable()
    local = choose(paths, project)
    assert local.offline(paths) == local
    local.require_reachable()
    with pytest.raises(BadLocation, match="offline"):
        choose(paths, project, Location.of(S3, PG)).offline(paths)
