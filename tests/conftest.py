"""Hooks and fixtures for all tests."""

import signal
from collections.abc import Generator, Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event

from tests.empty_database import empty_database  # noqa: F401  # used by name

TEARDOWN_SECONDS = 300.0


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown() -> Generator[None, Any, Any]:
    """Fail a test's clean-up where it hangs.

    pytest-timeout stops its clock at a failure, so a failed test could clean up without end.
    """

    def give_up(*_: object) -> None:
        pytest.fail(f"The clean-up of this test took more than {TEARDOWN_SECONDS} s.")

    signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, TEARDOWN_SECONDS)
    try:
        return (yield)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)


@pytest.fixture
def commits() -> Iterator[list[Connection]]:
    """The connection of each commit since the test began."""
    made: list[Connection] = []

    def note(connection: Connection) -> None:
        made.append(connection)

    event.listen(Engine, "commit", note)
    yield made
    event.remove(Engine, "commit", note)
