"""Options of the whole test suite."""

from __future__ import annotations

import os
import signal

import pytest
from hypothesis import HealthCheck, settings
from servers import (
    azure_server,
    azure_url,
    long_waits,
    nats_server,
    nats_url,
    patient,
    postgres_server,
    postgres_url,
    redis_server,
    redis_url,
    s3_server,
    s3_url,
)

__all__ = [
    "azure_server",
    "azure_url",
    "long_waits",
    "nats_server",
    "nats_url",
    "patient",
    "postgres_server",
    "postgres_url",
    "redis_server",
    "redis_url",
    "s3_server",
    "s3_url",
]


# The same examples in every run, and no clock that judges them; `--hypothesis-profile=explore` makes others.
settings.register_profile(
    "rtfsc",
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.function_scoped_fixture,
    ],
)
settings.register_profile("explore", settings.get_profile("rtfsc"), derandomize=False)
settings.load_profile("rtfsc")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="rewrite the expected files beside tests/golden/cases"
    )


def pytest_configure() -> None:
    """Settings of whoever runs the tests do not count. Shells make background jobs, and their children, deaf
    to Ctrl-C: the tests of it need it heard."""
    for name in ("RTFSC_STORE", "RTFSC_OFFLINE", "RTFSC_TICKETS"):
        os.environ.pop(name, None)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update-golden"))
