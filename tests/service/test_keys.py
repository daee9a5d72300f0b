"""Keys are made once, listed by name, and revoked."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from service.errors import KeysError
from service.keys import add_key, hash_of, read_keys, revoke_key


def test_a_key_is_stored_as_its_hash_with_its_name_and_scopes(tmp_path: Path) -> None:
    file = tmp_path / "new" / "keys.json"
    secret = add_key(file, "camera", ["predict", "read", "predict"])
    (key,) = read_keys(file)
    assert (key.name, key.scopes, key.sha256) == ("camera", ("predict", "read"), hash_of(secret))
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_revoked_key_is_gone_and_the_others_stay(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    for name in ("a", "b"):
        add_key(file, name, ["read"])
    revoke_key(file, "a")
    assert [key.name for key in read_keys(file)] == ["b"]
    assert [path.name for path in tmp_path.iterdir()] == ["keys.json"]


@pytest.mark.parametrize(
    ("scopes", "trusted", "is_trusted"),
    [
        (["feedback"], False, False),
        (["feedback"], True, True),
        (["feedback", "admin"], False, True),
        (["predict", "read"], False, False),
    ],
)
def test_a_key_is_trusted_where_it_says_so_or_may_do_everything(
    tmp_path: Path, scopes: list[str], trusted: bool, is_trusted: bool
) -> None:
    file = tmp_path / "keys.json"
    add_key(file, "clinic", scopes, trusted=trusted)
    assert [key.is_trusted for key in read_keys(file)] == [is_trusted]


def test_keys_of_earlier_releases_are_trusted_with_the_scope_admin_only(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    old: dict[str, object] = {"sha256": hash_of("pk_x"), "created": "2026-01-01T00:00:00+00:00"}
    rows = [old | {"name": scope, "scopes": [scope]} for scope in ("feedback", "admin")]
    file.write_text(json.dumps(rows))
    assert {key.name: key.is_trusted for key in read_keys(file)} == {"feedback": False, "admin": True}


@pytest.mark.parametrize(
    ("name", "scopes", "message"),
    [
        ("a", ["read"], "which a key has"),
        (" ", ["read"], "1 to 100 visible characters"),
        ("b" * 101, ["read"], "1 to 100 visible characters"),
        ("b\nc", ["read"], "1 to 100 visible characters"),
        ("b\u3164", ["read"], "1 to 100 visible characters"),
        ("b\ufe0f", ["read"], "1 to 100 visible characters"),
        (" a\t", ["read"], "which a key has"),
        ("A", ["read"], "'A', which people take for 'a'"),
        ("b", [], "found none"),
        ("b", ["raed"], "found raed"),
    ],
)
def test_a_bad_name_or_scope_is_refused(tmp_path: Path, name: str, scopes: list[str], message: str) -> None:
    file = tmp_path / "keys.json"
    add_key(file, "a", ["read"])
    with pytest.raises(KeysError, match=message):
        add_key(file, name, scopes)
    assert len(read_keys(file)) == 1


def test_a_name_is_stored_composed_and_without_the_space_around_it(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    add_key(file, " cafe\u0301 ", ["read"])
    assert [key.name for key in read_keys(file)] == ["caf\u00e9"]
    revoke_key(file, "cafe\u0301")
    assert read_keys(file) == []


def test_a_key_that_an_earlier_release_named_with_a_space_can_be_revoked(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    row = {"sha256": hash_of("pk_x"), "created": "2026-01-01T00:00:00+00:00", "scopes": ["read"]}
    file.write_text(json.dumps([row | {"name": name} for name in (" lead", "lead")]))
    revoke_key(file, " lead")
    assert [key.name for key in read_keys(file)] == ["lead"]


def test_a_file_that_begins_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    add_key(file, "camera", ["read"])
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert [key.name for key in read_keys(file)] == ["camera"]


def test_keys_made_at_the_same_time_are_all_kept(tmp_path: Path) -> None:
    names = [f"camera {number}" for number in range(12)]
    with ThreadPoolExecutor(12) as threads:
        list(threads.map(lambda name: add_key(tmp_path / "keys.json", name, ["read"]), names))
    assert sorted(key.name for key in read_keys(tmp_path / "keys.json")) == sorted(names)


def test_revoking_an_unknown_name_names_the_known_ones(tmp_path: Path) -> None:
    add_key(tmp_path / "keys.json", "camera", ["read"])
    with pytest.raises(KeysError, match="There are: camera"):
        revoke_key(tmp_path / "keys.json", "camra")


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "{}",
        "[1]",
        '[{"name": "a"}]',
        '[{"name": "a", "sha256": "0", "scopes": ["read"], "created": "", "trusted": "no"}]',
    ],
)
def test_a_broken_file_is_an_error(tmp_path: Path, text: str) -> None:
    file = tmp_path / "keys.json"
    file.write_text(text)
    with pytest.raises(KeysError):
        read_keys(file)
