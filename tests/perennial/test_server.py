from pathlib import Path

import pytest

from perennial.errors import KeysMissingError
from perennial.server import check_keys
from perennial.settings.settings import Settings
from service.keys import add_key


@pytest.mark.parametrize(
    "given", [{"host": "0.0.0.0"}, {"host": "::"}, {"host": "192.0.2.1"}, {"allowed_hosts": "cat.example"}]
)
def test_a_server_for_others_needs_a_key_first(tmp_path: Path, given: dict[str, str]) -> None:
    settings = Settings.load({"home": tmp_path, **given})
    with pytest.raises(KeysMissingError, match=r"Make a key first: .* keys add NAME"):
        check_keys(settings)
    add_key(settings.keys, "camera", ["predict"])
    check_keys(settings)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.8.8.8"])
def test_a_server_for_this_machine_needs_none(tmp_path: Path, host: str) -> None:
    check_keys(Settings.load({"home": tmp_path, "host": host}))
