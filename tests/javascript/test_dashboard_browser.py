"""The dashboard in headless Chromium: it renders, nothing in it runs, and pictures of it are kept."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from dashboards import busy, hostile, nothing

from runtime.dashboard.facts import Facts
from runtime.dashboard.server import WebServer, dashboard_routes
from services import Unavailable
from services.browser import Chromium

ARTIFACTS = Path(__file__).resolve().parents[2] / "build" / "test-artifacts"
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def chromium() -> Chromium:
    try:
        browser = Chromium()
        browser.dom("data:text/html,<title>here</title>")
    except Unavailable as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"no Chromium on this machine: {error}")
    return browser


@contextmanager
def served(collect: Callable[[], Facts]) -> Iterator[str]:
    server = WebServer(dashboard_routes(collect, str))
    server.start()
    try:
        yield server.url
    finally:
        server.stop()


def size_of(picture: bytes) -> tuple[int, int]:
    assert picture.startswith(PNG)
    return int.from_bytes(picture[16:20], "big"), int.from_bytes(picture[20:24], "big")


@pytest.mark.parametrize(
    ("name", "width", "height", "dark"),
    [
        ("dashboard", 1280, 3100, False),
        ("dashboard-dark", 1280, 1500, True),
        ("dashboard-phone", 390, 3000, False),
    ],
)
def test_how_it_looks(
    chromium: Chromium, tmp_path: Path, name: str, width: int, height: int, dark: bool
) -> None:
    facts = busy(tmp_path / "s.sqlite")
    picture = ARTIFACTS / f"{name}.png"
    with served(lambda: facts) as url:
        chromium.screenshot(url, picture, width=width, height=height, dark=dark)
    data = picture.read_bytes()
    assert size_of(data) == (width, height)
    assert len(data) > 30_000, "a picture of something"


def test_the_style_sheet_is_used(chromium: Chromium, tmp_path: Path) -> None:
    facts = busy(tmp_path / "s.sqlite")
    routes = dashboard_routes(lambda: facts, str)
    bare = WebServer({path: route for path, route in routes.items() if path != "/style.css"})
    bare.start()
    try:
        chromium.screenshot(bare.url, tmp_path / "bare.png", height=600)
    finally:
        bare.stop()
    with served(lambda: facts) as url:
        chromium.screenshot(url, tmp_path / "styled.png", height=600)
    assert (tmp_path / "bare.png").read_bytes() != (tmp_path / "styled.png").read_bytes()


def test_nothing_in_it_runs(chromium: Chromium) -> None:
    facts = hostile()
    with served(lambda: facts) as url:
        document = chromium.dom(url)
    assert "<title>rtfsc dashboard</title>" in document
    assert "document.title='pwned'" in document, "the texts are shown"
    for element in ("<script", "<img", "<style", "<base", "<svg onload", "<iframe"):
        assert element not in document


def test_the_policy_stops_what_escaping_would_let_through(chromium: Chromium) -> None:
    """The second line: even a page with a script in it runs none."""
    routes = dashboard_routes(nothing, str)
    show = routes["/"]

    def broken(query: object) -> object:
        answer = show(query)  # type: ignore[arg-type]
        script = b"<script>document.title='pwned'</script><img src=x onerror=\"document.title='pwned'\"><main"
        return answer._replace(body=answer.body.replace(b"<main", script))

    server = WebServer({**routes, "/": broken})  # type: ignore[dict-item]
    server.start()
    try:
        document = chromium.dom(server.url)
    finally:
        server.stop()
    assert "<script>" in document and "<title>rtfsc dashboard</title>" in document


def test_a_newcomer_sees_advice(chromium: Chromium) -> None:
    with served(nothing) as url:
        chromium.screenshot(url, ARTIFACTS / "dashboard-empty.png", height=900)
    assert size_of((ARTIFACTS / "dashboard-empty.png").read_bytes()) == (1280, 900)
