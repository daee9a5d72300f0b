"""Who may ask: loopback without keys, keys with their scopes, and nobody from a foreign page."""

import os
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.keys import add_key, revoke_key
from service.middleware.access import scope_for
from service.settings import AccessSettings, ServiceSettings

JPEG = {"Content-Type": "image/jpeg"}

pytestmark = pytest.mark.anyio


def _settings(**access: Any) -> ServiceSettings:
    return ServiceSettings(access=AccessSettings(**access))


def _code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


@pytest.fixture
def keys_file(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
async def test_without_keys_this_machine_may_ask(run: Any, store: Any, peer: str) -> None:
    async with run(store, peer=peer) as api:
        assert (await api.client.get("/v1/status")).status_code == 200


@pytest.mark.parametrize("peer", ["192.168.1.7", "8.8.8.8", "::ffff:8.8.8.8", "2001:db8::1", "testclient"])
async def test_without_keys_others_are_shown_how_to_get_one(run: Any, store: Any, peer: str) -> None:
    async with run(store, peer=peer) as api:
        for path in ("/v1/status", "/", "/metrics", "/openapi.json", "/static/dashboard.js"):
            answer = await api.client.get(path)
            assert _code(answer) == (401, "unauthorized")
            assert answer.headers["WWW-Authenticate"] == "Bearer"
            assert "perennial keys add" in answer.json()["error"]["message"]
        assert (await api.client.get("/livez")).status_code == 200
        assert _code(await api.client.get("/readyz")) == (503, "not_ready")


@pytest.mark.parametrize(
    "name", ["Forwarded", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Real-IP", "Via"]
)
async def test_without_keys_what_a_proxy_passes_on_is_refused(run: Any, store: Any, name: str) -> None:
    async with run(store) as api:
        refused = await api.client.get("/v1/status", headers={name: "127.0.0.1"})
    assert _code(refused) == (401, "unauthorized")
    assert f"a proxy passed on (header {name.lower()})" in refused.json()["error"]["message"]
    assert "perennial keys add" in refused.json()["error"]["message"]


async def test_without_keys_http_1_0_is_refused_as_nginx_speaks_it_to_servers_behind_it(
    run: Any, store: Any, keys_file: Path
) -> None:
    async def status_of(settings: ServiceSettings, headers: dict[str, str]) -> int:
        async with run(store, settings) as api:

            async def as_nginx(scope: Any, receive: Any, send: Any) -> None:
                await api.app({**scope, "http_version": "1.0"}, receive, send)

            transport = httpx.ASGITransport(as_nginx, client=("127.0.0.1", 1))
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:3000") as client:
                return (await client.post("/v1/learning/resume", headers=headers)).status_code

    assert await status_of(_settings(), {}) == 401
    key = add_key(keys_file, "admin", ["admin"])
    assert await status_of(_settings(keys_file=keys_file), bearer(key) | {"Via": "1.0 nginx"}) == 200


async def test_a_refused_host_or_origin_is_told_what_was_found_and_what_to_set(run: Any, store: Any) -> None:
    async with run(store, _settings(allowed_hosts=("cat.example",))) as api:
        host = await api.client.get("/v1/status", headers={"Host": "dog.example"})
        origin = await api.client.post("/v1/rounds", headers={"Origin": "https://dog.example"})
    assert "(cat.example), found 'dog.example'" in host.json()["error"]["message"]
    assert "PERENNIAL_ALLOWED_HOSTS" in host.json()["error"]["remedy"]
    assert "(localhost)" in origin.json()["error"]["message"]
    assert "found 'https://dog.example'" in origin.json()["error"]["message"]
    assert "PERENNIAL_ALLOWED_ORIGINS" in origin.json()["error"]["remedy"]


async def test_a_key_opens_its_scopes_and_names_the_source(
    run: Any, serving: Any, keys_file: Path, picture: Any
) -> None:
    from store.samples.samples import samples_by_id

    predict, feedback = add_key(keys_file, "camera", ["predict"]), add_key(keys_file, "clinic", ["feedback"])
    async with run(serving, _settings(keys_file=keys_file), peer="8.8.8.8") as api:
        answer = await api.client.post("/v1/predict", content=picture(), headers=JPEG | bearer(predict))
        assert answer.status_code == 200
        sent = {"prediction_id": answer.json()["prediction_id"], "label": "red"}
        refused = await api.client.post("/v1/feedback", json=sent, headers=bearer(predict))
        assert _code(refused) == (403, "forbidden")
        accepted = await api.client.post("/v1/feedback", json=sent, headers=bearer(feedback))
        assert accepted.status_code == 201
        assert _code(await api.client.get("/v1/status", headers=bearer(feedback))) == (403, "forbidden")
        assert _code(await api.client.post("/v1/rollback", headers=bearer(feedback))) == (403, "forbidden")
    with serving.database.read() as connection:
        assert samples_by_id(connection, [accepted.json()["sample_id"]])[0].source == "clinic"


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer ", "Bearer pk_wrong", "Basic {key}", "{key}", "Bearer {key}x"]
)
async def test_no_or_a_wrong_key_is_refused_also_on_this_machine(
    run: Any, store: Any, keys_file: Path, authorization: str
) -> None:
    key = add_key(keys_file, "reader", ["read"])
    async with run(store, _settings(keys_file=keys_file)) as api:
        headers = {"Authorization": authorization.format(key=key)} if authorization else {}
        assert _code(await api.client.get("/v1/status", headers=headers)) == (401, "unauthorized")
        assert (await api.client.get("/v1/status", headers=bearer(key))).status_code == 200


async def test_with_keys_the_page_itself_is_open_and_its_figures_are_not(
    run: Any, store: Any, keys_file: Path
) -> None:
    add_key(keys_file, "reader", ["read"])
    async with run(store, _settings(keys_file=keys_file), peer="8.8.8.8") as api:
        for path in ("/", "/rounds/12", "/versions", "/docs", "/docs/start.js", "/docs/swagger-ui.css"):
            assert (await api.client.get(path)).status_code == 200
        for path in ("/v1/status", "/metrics", "/openapi.json", "/schema.json"):
            assert _code(await api.client.get(path)) == (401, "unauthorized")


async def test_a_revoked_key_is_refused_at_the_next_look(
    run: Any, store: Any, keys_file: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr("service.middleware.access.LOOK_SECONDS", 0.0)
    key = add_key(keys_file, "reader", ["read"])
    async with run(store, _settings(keys_file=keys_file)) as api:
        assert (await api.client.get("/v1/status", headers=bearer(key))).status_code == 200
        revoke_key(keys_file, "reader")
        assert _code(await api.client.get("/v1/status", headers=bearer(key))) == (401, "unauthorized")
        another = add_key(keys_file, "reader", ["read"])
        assert (await api.client.get("/v1/status", headers=bearer(another))).status_code == 200


@pytest.mark.parametrize(
    "text", ["{", '[{"name": "a", "sha256": "ä", "scopes": ["read"], "created": ""}]', "[5]"]
)
async def test_an_unreadable_keys_file_closes_the_server(
    run: Any, store: Any, keys_file: Path, text: str
) -> None:
    keys_file.write_text(text)
    async with run(store, _settings(keys_file=keys_file)) as api:
        refused = await api.client.get("/v1/status", headers=bearer("pk_any"))
        assert _code(refused) == (503, "keys_unreadable")


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "", "[::1", "127.0.0.1.evil.example"]
)
async def test_a_foreign_host_is_refused(run: Any, store: Any, host: str) -> None:
    async with run(store) as api:
        assert _code(await api.client.get("/v1/status", headers={"Host": host})) == (403, "forbidden")
        answer = await api.client.post("/v1/rounds", headers={"Host": host})
        assert _code(answer) == (403, "forbidden")


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:3000", "127.0.0.1:3000", "[::1]:3000", "cat.example"]
)
async def test_our_own_host_is_let_in(run: Any, store: Any, host: str) -> None:
    async with run(store, _settings(allowed_hosts=("cat.example",))) as api:
        assert (await api.client.get("/v1/status", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://localhost:8080", "[", "http://[::1"]
)
async def test_a_foreign_page_may_not_change_anything(run: Any, store: Any, origin: str) -> None:
    async with run(store) as api:
        for path in ("/v1/predict", "/v1/feedback", "/v1/rounds", "/v1/rollback", "/predict"):
            answer = await api.client.post(path, headers={"Origin": origin})
            assert _code(answer) == (403, "forbidden")
        assert (await api.client.get("/v1/rounds")).json() == {"rounds": []}


async def test_our_own_and_allowed_pages_may(run: Any, store: Any) -> None:
    allowed = "https://app.example"
    async with run(store, _settings(allowed_origins=(allowed,))) as api:
        own = await api.client.post("/v1/learning/pause", headers={"Origin": "http://localhost"})
        assert own.status_code == 200
        other = await api.client.post("/v1/learning/resume", headers={"Origin": allowed})
        assert other.status_code == 200
        assert other.headers["Access-Control-Allow-Origin"] == allowed


async def test_a_preflight_of_an_allowed_page_needs_no_key(run: Any, store: Any, keys_file: Path) -> None:
    add_key(keys_file, "reader", ["read"])
    settings = _settings(keys_file=keys_file, allowed_origins=("https://app.example",))
    preflight = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST"}
    async with run(store, settings, peer="8.8.8.8") as api:
        assert (await api.client.options("/v1/predict", headers=preflight)).status_code == 200
        foreign = preflight | {"Origin": "https://evil.example"}
        assert (await api.client.options("/v1/predict", headers=foreign)).status_code == 400


def test_each_route_has_the_scope_that_its_name_says() -> None:
    assert scope_for("POST", "/v1/predict") == "predict"
    assert scope_for("POST", "/v1/predict/batch") == "predict"
    assert scope_for("POST", "/v1/feedback") == "feedback"
    assert scope_for("GET", "/v1/status") == "read"
    assert scope_for("GET", "/metrics") == "read"
    assert scope_for("DELETE", "/v1/samples/1") == "admin"
    assert scope_for("GET", "/v1/disputes") == "read"
    assert scope_for("GET", "/v1/disputes/1/image") == "read"
    assert scope_for("POST", "/v1/disputes/1") == "admin"
    assert scope_for("POST", "/v1/anything/else") == "admin"


def test_the_keys_file_holds_no_key_and_is_its_owners_alone(keys_file: Path) -> None:
    key = add_key(keys_file, "reader", ["read"])
    assert key not in keys_file.read_text()
    assert key.removeprefix("pk_") not in keys_file.read_text()
    assert os.stat(keys_file).st_mode & 0o077 == 0
