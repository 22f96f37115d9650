"""The page: complete, escaped, and helpful where there is nothing to show."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from dashboards import ATTACKS, DAY, NOW, busy, hostile, nothing
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.dashboard.charts import Column, bar, columns
from runtime.dashboard.markup import Markup, tag
from runtime.dashboard.page import page
from runtime.dashboard.parts import ago, moment, percent
from runtime.dashboard.sums import quantile
from runtime.obs.events import EVENTS, Event
from runtime.obs.statistics import Kept
from runtime.obs.tally import SECONDS, Histogram, Tally

VOID = {"meta", "link", "br"}
ALLOWED = {
    "html", "head", "meta", "title", "link", "body", "a", "header", "div", "h1", "span", "p", "nav", "ul",
    "li", "main", "section", "h2", "h3", "table", "caption", "thead", "tbody", "tr", "th", "td", "code",
    "time", "svg", "rect", "line", "text", "g", "details", "summary", "ol", "strong", "footer",
}  # fmt: skip
ATTRIBUTES = {
    "lang", "charset", "name", "content", "http-equiv", "rel", "href", "class", "id", "role", "tabindex",
    "scope", "aria-label", "aria-labelledby", "datetime", "title", "viewbox", "x", "y", "x1", "x2", "y1",
    "y2", "width", "height", "rx", "text-anchor", "open",
}  # fmt: skip


class Read(HTMLParser):
    """Checks that elements are closed in order, and collects texts and attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, name: str, attributes: list[tuple[str, str | None]]) -> None:
        assert name in ALLOWED, name
        for key, value in attributes:
            assert key in ATTRIBUTES, key
            if key == "id":
                self.ids.append(value or "")
            if key == "href":
                self.links.append(value or "")
        if name not in VOID:
            self.open.append(name)

    def handle_startendtag(self, name: str, attributes: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(name, attributes)
        self.open.pop()

    def handle_endtag(self, name: str) -> None:
        assert self.open.pop() == name

    def handle_comment(self, data: str) -> None:
        pytest.fail("a comment")

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(self.texts)


def test_a_newcomer_is_told_what_to_do() -> None:
    read = Read(page(nothing()))
    for advice in (
        "rtfsc publish FILE.rtfs",
        "rtfsc run FILE",
        "rtfsc solve",
        "delegation.toml",
        "rtfsc init",
    ):
        assert advice in read.text
    assert "0.0" not in read.text and "nan" not in read.text


def test_what_happened_is_shown(tmp_path: Path) -> None:
    read = Read(page(busy(tmp_path / "s.sqlite")))
    for text in (
        "textstats", "its key is not trusted here", "waits for 1 of 2 signatures", "unknown key", "0.963",
        "TR004 bad signature",
        "tickets go to the big model", "rule support (delegation.toml:12)",
        "local-phi-mini: 900 ms is above the budget of 500 ms", "sum of these invoices",
        "the number of vowels in a text",
        "T002 expected Int, got String", "no file", "timeout 14", "1 min ago", "published",
    ):  # fmt: skip
        assert text in read.text, text
    for section in ("overview", "caches", "modules", "calls", "models", "solve", "tickets"):
        assert section in read.ids
        assert f"#{section}" in read.links


def test_ids_are_unique_and_links_stay_here(tmp_path: Path) -> None:
    read = Read(page(busy(tmp_path / "s.sqlite")))
    assert len(set(read.ids)) == len(read.ids)
    for link in read.links:
        assert link.startswith(("#", "?", "data:image/svg+xml,")) or link == "style.css"
        if link.startswith("#"):
            assert link[1:] in read.ids


def test_the_page_is_the_same_every_time(tmp_path: Path) -> None:
    facts = busy(tmp_path / "s.sqlite")
    assert page(facts) == page(facts)


def test_every_text_is_escaped() -> None:
    shown = page(hostile())
    shown.encode()
    read = Read(shown)
    assert "document.title='pwned'" in read.text
    for attack in ATTACKS[:3]:
        assert attack not in shown
    assert "\u202e" not in shown and "\x1b" not in shown and "\\u202e" in shown
    assert set(read.links) <= {*(f"#{id}" for id in read.ids), "#contents", "style.css", "?refresh=10"} | {
        link for link in read.links if link.startswith("data:image/svg+xml,%3Csvg")
    }


def test_there_is_no_script_and_no_inline_style(tmp_path: Path) -> None:
    for facts in (nothing(), busy(tmp_path / "s.sqlite"), hostile()):
        shown = page(facts)
        Read(shown)  # knows all attributes that there may be
        assert not re.search(r"<(script|style)", shown)


def test_it_refreshes_if_asked_to() -> None:
    assert '<meta http-equiv="refresh" content="10">' in page(nothing(), 10)
    assert "http-equiv" not in page(nothing())


def test_problems_are_said() -> None:
    facts = nothing()
    facts.problems = ["The store cannot be read: ST010 gone"]
    assert 'role="alert"' in page(facts) and "ST010 gone" in page(facts)


def test_markup() -> None:
    assert tag("p", "a<b", Markup("<i>"), 3, None, ["x", ("&",)]) == "<p>a&lt;b<i>3x&amp;</p>"
    assert tag("a", href='"', class_="c", hidden=True, id=None) == '<a href="&quot;" class="c" hidden></a>'
    assert tag("line", x1=0) == '<line x1="0"/>'


def test_charts_say_their_numbers() -> None:
    chart = columns(
        "Calls", [Column("a", (3.0, 1.0), "a: 3 and 1"), Column("b", (0.0, 0.0), "b: none")], ("x", "y")
    )
    assert 'aria-label="Calls: a: 3 and 1"' in chart and "<title>b: none</title>" in chart
    assert chart.count('class="x"') == 1
    assert columns("None", [], ("x",)).count("<rect") == 0
    assert bar(2.0, "all").count("<rect") == 2 and bar(0.0, "none").count("<rect") == 1


def test_words_for_times_and_shares() -> None:
    assert [ago(s) for s in (0, -5, 30, 90, 7200, 3 * DAY)] == [
        "just now", "just now", "30 s ago", "1 min ago", "2 h ago", "3 d ago",
    ]  # fmt: skip
    assert [percent(*p) for p in ((0, 0), (0, 5), (5, 5), (99_999, 100_000), (1, 100_000))] == [
        "—", "0 %", "100 %", "99.9 %", "0.1 %",
    ]  # fmt: skip
    assert "never" in moment(None, NOW) and "2026" in moment(NOW, NOW)
    assert ">—<" in moment(1e300, NOW) and ">—<" in moment(float("nan"), NOW)


def test_quantiles() -> None:
    histogram = Histogram(len(SECONDS) + 1)
    assert quantile(histogram, SECONDS, 0.5) is None
    histogram.counts[6] = 10.0
    assert 0.0025 < (quantile(histogram, SECONDS, 0.5) or 0) <= 0.01
    histogram.counts[-1] = 100.0
    assert quantile(histogram, SECONDS, 0.95) == SECONDS[-1]


ANYTHING = st.one_of(
    st.text(max_size=20),
    st.floats(),
    st.integers(),
    st.booleans(),
    st.none(),
    st.lists(st.text(), max_size=3),
)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_any_statistics_can_be_shown(data: st.DataObject) -> None:
    """What another version, or a damaged file, may hold."""
    facts, tally = nothing(), Tally()
    for _ in range(data.draw(st.integers(0, 12))):
        name = data.draw(st.sampled_from(sorted(EVENTS)))
        wanted = data.draw(st.sets(st.sampled_from(EVENTS[name])))
        attributes = {attribute: data.draw(ANYTHING) for attribute in sorted(wanted)}
        event = Event(name, data.draw(st.one_of(st.just(NOW), st.floats())), attributes)
        facts.kept.events.append(event)
        if not any(isinstance(value, list) for value in attributes.values()):
            tally(event)
    facts.kept = Kept(tally, {int(NOW // DAY): tally}, facts.kept.events)
    Read(page(facts))
