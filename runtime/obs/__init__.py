"""What happens while programs run, told as events: to metrics, logs, spans and the dashboard."""

from __future__ import annotations

import os
from collections.abc import Mapping

VARIABLE = "RTFSC_STATISTICS"


def statistics_wanted(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether the user has not switched statistics off (``RTFSC_STATISTICS=0``)."""
    return environ.get(VARIABLE, "") not in ("0", "off", "no")
