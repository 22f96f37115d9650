"""Events as they are written down: only the attributes of the table, no secrets, no broken characters."""

from __future__ import annotations

import math
import re
from typing import Any

from runtime.obs.events import EVENTS, Event

LONGEST = 500
_LOOKED_AT = 4 * LONGEST
_KEY = re.compile(r"(?:sk|pk|ghp|gho|xox[abp]|AKIA|AIza)", re.IGNORECASE)
_SECRET = re.compile(
    r"(?P<keep>://)[^/\s:@]*:[^/\s@]*(?=@)"  # user:password@ in an address
    r"|(?P<bearer>\b(?:Bearer|Basic)\s+)[\w.+/=~-]{8,}"
    rf"|\b{_KEY.pattern}[-_]?[A-Za-z0-9_-]{{12,}}"
    r"|(?P<name>(?:api[-_]?key|access[-_]?token|token|password|passwd|secret)"
    r"[\"']?\s*[=:]\s*[\"']?)[^\s&,;\"']+",
    re.IGNORECASE,
)
_HIDDEN = "***"


def attributes_of(event: Event) -> dict[str, Any]:
    """Those of the table, in its order; what has no business there, or is empty, is left out."""
    given = event.attributes
    return {
        name: cleaned(given[name])
        for name in EVENTS.get(event.name, ())
        if given.get(name) not in (None, "", (), [])
    }


def cleaned(value: Any) -> Any:
    """A value for JSON: texts without secrets, lone surrogates and overlong parts; floats that are none as
    text."""
    if isinstance(value, str):
        return text(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, (tuple, list)):
        return [cleaned(part) for part in value[:20]]
    return text(str(value))


def text(value: str) -> str:
    """At most `LONGEST` characters, all of them encodable, nothing that looks like a secret."""
    if len(value) > _LOOKED_AT:
        value = value[:_LOOKED_AT]
    if not value.isascii():
        value = value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if value.isalnum() and not _KEY.match(value):
        return _short(value)  # a name, a digest: one word can only be a key, and that by its beginning
    # What is cut off afterwards leaves no part of a secret that was too short to be seen as one.
    return _short(_SECRET.sub(_replacement, value))


def _short(value: str) -> str:
    return value if len(value) <= LONGEST else value[: LONGEST - 1] + "…"


def _replacement(match: re.Match[str]) -> str:
    kept = match["keep"] or match["bearer"] or match["name"] or ""
    return kept + _HIDDEN
