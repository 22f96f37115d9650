"""Processes for which the modes of files count, whoever runs the tests."""

from __future__ import annotations

import ctypes
import os


def bound_by_modes() -> None:
    """For ``preexec_fn``. Root may write everywhere: so it gives up what lets it, and reading too."""
    if os.getuid() == 0:
        drop_from_bounding_set, dac_override, dac_read_search = 24, 1, 2
        library = ctypes.CDLL(None, use_errno=True)
        for capability in (dac_override, dac_read_search):
            library.prctl(drop_from_bounding_set, capability, 0, 0, 0)
