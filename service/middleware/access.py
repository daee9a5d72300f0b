"""Who may send which request: keys and scopes, loopback peers, and foreign Hosts and Origins."""

import hmac
import ipaddress
import time
from collections.abc import MutableMapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from monitoring.dashboard.menu import is_page
from service.errors import (
    ForbiddenError,
    ForeignHostError,
    ForeignOriginError,
    KeysError,
    ServiceError,
    UnauthorizedError,
    response_for,
)
from service.keys import Key, Sender, hash_of, read_keys
from service.settings import AccessSettings

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
OPEN_PATHS = frozenset({"/livez", "/readyz", "/healthz"})
# The pages and their scripts hold no secret; they fetch what they show with the reader's key.
OPEN_WITH_KEYS = ("/static/", "/docs/")
LOOK_SECONDS = 1.0
# Hosts and peers are the same few again and again.
_cached = lru_cache(maxsize=256)
# What proxies add to the requests that they pass on.
PROXY_HEADERS = frozenset({b"forwarded", b"via", b"x-real-ip"})
PROXY_PREFIX = b"x-forwarded-"
_MAKE_A_KEY = "Make one with 'perennial keys add NAME --scope predict'."
# Whoever is on this machine may change the store itself, and is trusted.
LOCAL = Sender("local", is_trusted=True)
ANONYMOUS = Sender("anonymous", is_trusted=False)


class Access:
    """ASGI middleware: lets a request through with `scope["state"]["sender"]` set, or answers 401 or 403."""

    def __init__(self, app: ASGIApp, settings: AccessSettings) -> None:
        self._app = app
        self._settings = settings
        self._keys: list[Key] = []
        self._stamp: tuple[int, int] | None = None
        self._looked_at = -LOOK_SECONDS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check one request."""
        if scope["type"] != "http" or scope["path"] in OPEN_PATHS:
            await self._app(scope, receive, send)
            return
        try:
            sender = self._admit(scope)
        except ServiceError as error:
            await response_for(error)(scope, receive, send)
            return
        state: MutableMapping[str, Any] = scope.setdefault("state", {})
        state["sender"] = sender
        await self._app(scope, receive, send)

    def _admit(self, scope: Scope) -> Sender:
        headers = Headers(scope=scope)
        self._look_at_keys()
        has_keys = self._stamp is not None
        is_safe = scope["method"] in SAFE_METHODS
        self._check_host(headers, has_keys=has_keys)
        if not is_safe:
            self._check_origin(headers)
        if not has_keys:
            return _admit_loopback(scope)
        path = scope["path"]
        if is_safe and _is_open(path):
            return ANONYMOUS
        key = _key_of(self._keys, headers.get("authorization", ""))
        wanted = scope_for(scope["method"], path)
        if wanted is not None and wanted not in key.scopes:
            raise ForbiddenError(
                f"Expected a key with the scope '{wanted}', found one with '{', '.join(key.scopes)}'."
            )
        return Sender(key.name, key.is_trusted)

    def _check_host(self, headers: Headers, *, has_keys: bool) -> None:
        """Refuse a name that a foreign page may have bound to this machine (DNS rebinding)."""
        host = headers.get("host", "")
        name = _host_name(host)
        names = self._settings.allowed_hosts
        if name in ("localhost", *names) or _is_address(name):
            return
        # A rebound page has no key to send; so with keys any name will do, unless names were listed.
        if has_keys and name and not names:
            return
        raise ForeignHostError(
            f"Expected as Host an address, localhost or one of PERENNIAL_ALLOWED_HOSTS "
            f"({', '.join(names) or 'none is set'}), found {host!r}."
        )

    def _check_origin(self, headers: Headers) -> None:
        origin = headers.get("origin")
        if origin is None or origin in self._settings.allowed_origins:
            return
        if origin.partition("://")[2] != headers.get("host"):
            raise ForeignOriginError(
                f"Expected as Origin this server's own ({headers.get('host')}) or one of "
                f"PERENNIAL_ALLOWED_ORIGINS ({', '.join(self._settings.allowed_origins) or 'none is set'}), "
                f"found {origin!r}."
            )

    def _look_at_keys(self) -> None:
        moment = time.monotonic()
        if moment - self._looked_at < LOOK_SECONDS:
            return
        file = self._settings.keys_file
        try:
            status = file.stat() if file is not None else None
        except FileNotFoundError:
            status = None
        except OSError as error:
            raise KeysError(f"Expected to read the keys in {file}: {error.strerror}.") from error
        stamp = None if status is None else (status.st_mtime_ns, status.st_ino)
        if stamp != self._stamp:
            self._keys = [] if file is None else read_keys(file)
            self._stamp = stamp
        self._looked_at = moment


def scope_for(method: str, path: str) -> str | None:
    """Return the scope that a key needs for a route; None where any key will do."""
    # What BentoML's client reads first, before any call.
    if path == "/schema.json" and method in SAFE_METHODS:
        return None
    if path in {"/v1/predict", "/v1/predict/batch", "/predict"}:
        return "predict"
    is_safe = method in SAFE_METHODS
    if path in {"/v1/feedback", "/feedback"} or (path.startswith("/v1/queue/") and not is_safe):
        return "feedback"
    return "read" if is_safe else "admin"


@_cached
def _is_open(path: str) -> bool:
    return path == "/docs" or path.startswith(OPEN_WITH_KEYS) or is_page(path)


def _admit_loopback(scope: Scope) -> Sender:
    client = scope.get("client")
    if client is None or not _is_loopback(client[0]):
        raise UnauthorizedError(
            f"Expected a key: without a keys file only this machine itself is served. {_MAKE_A_KEY}"
        )
    proxied = _sign_of_a_proxy(scope)
    if proxied is not None:
        raise UnauthorizedError(
            f"Expected a key, found a request that a proxy passed on ({proxied}): it may come from anybody. "
            f"{_MAKE_A_KEY}"
        )
    return LOCAL


def _sign_of_a_proxy(scope: Scope) -> str | None:
    for name, _ in scope["headers"]:
        if name in PROXY_HEADERS or name.startswith(PROXY_PREFIX):
            return f"header {name.decode('latin-1')}"
    # What nginx speaks to the servers behind it, where it is told nothing else.
    return "HTTP/1.0" if scope.get("http_version") == "1.0" else None


def _key_of(keys: list[Key], authorization: str) -> Key:
    kind, _, secret = authorization.partition(" ")
    hashed = hash_of(secret.strip())
    matching = [key for key in keys if hmac.compare_digest(key.sha256, hashed)]
    if kind.lower() != "bearer" or not matching:
        raise UnauthorizedError("Expected 'Authorization: Bearer KEY' with a known key, found none.")
    return matching[0]


@_cached
def _host_name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


@_cached
def _is_address(name: str) -> bool:
    # A page can bind a name to this machine, but not an address.
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


@_cached
def _is_loopback(peer: str) -> bool:
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback
