"""One server has a home at a time, and is named to who asks."""

import os
from pathlib import Path

import pytest

from perennial.errors import HomeTakenError
from perennial.running_servers import RunningServer, hold_home, refuse_taken, server_of
from perennial.settings.settings import Settings

URL = "http://127.0.0.1:4600"


def test_the_server_of_a_home_is_named_and_keeps_others_off(settings: Settings) -> None:
    assert server_of(settings.home) is None
    hold_home(settings, URL)
    assert server_of(settings.home) == RunningServer(settings.home, URL, os.getpid())
    named = f"{URL} .process {os.getpid()}. has {settings.home}"
    with pytest.raises(HomeTakenError, match=named):
        refuse_taken(settings)
    with pytest.raises(HomeTakenError, match=named):
        hold_home(settings, URL)


def test_a_server_that_ended_keeps_nobody_off(settings: Settings, tmp_path: Path) -> None:
    settings.home.mkdir()
    # What a killed server leaves: its file, without its lock.
    (settings.home / "server.json").write_text(f'{{"url": "{URL}", "pid": 1}}')
    assert server_of(settings.home) is None
    hold_home(settings, URL)


def test_servers_that_share_postgresql_may_share_a_home(settings: Settings) -> None:
    hold_home(settings, URL)
    hold_home(settings.model_copy(update={"database_url": "postgresql://host/name"}), URL)
