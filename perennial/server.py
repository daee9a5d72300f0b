"""Starts the BentoML server, and announces it once it is ready."""

import errno
import ipaddress
import os
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NoReturn

import click

from perennial.bentoml_workarounds import is_running
from perennial.errors import KeysMissingError, PortTakenError
from perennial.hints import program
from perennial.settings.settings import Settings
from perennial.state import open_existing_state
from store.registry import production

SERVICE = "perennial.app:Perennial"
_READY_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class Address:
    """Where the server listens; the host is a number, since BentoML takes no names."""

    host: str
    port: int

    @classmethod
    def of(cls, host: str, port: int) -> "Address":
        """Return the address of a host that is given by number or by name.

        Raises:
            PortTakenError: This machine knows no such name.
        """
        try:
            addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise PortTakenError(
                f"Expected the name or number of an address of this machine, found {host!r} "
                f"({error.strerror or error}). Choose another --host."
            ) from error
        # "localhost" is both 127.0.0.1 and ::1; most clients try the first.
        _, _, _, _, (number, *_) = min(addresses, key=lambda each: each[0] != socket.AF_INET)
        return cls(str(number), port)

    @property
    def url(self) -> str:
        """The URL for clients on this machine."""
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::", "") else self.host
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


def check_port(address: Address) -> None:
    """Check that the address is free.

    Raises:
        PortTakenError: Another program listens there, or this machine has no such address.
    """
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address.host, address.port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PortTakenError(
                    f"Expected port {address.port} of {address.host} to be free, another program listens "
                    f"there. Stop it, or choose another port: --port {address.port % 65535 + 1}."
                ) from error
            raise PortTakenError(
                f"Expected to listen on port {address.port} of {address.host}, this machine refuses it "
                f"({error.strerror or error}). Choose another --host or --port."
            ) from error


def check_keys(settings: Settings) -> None:
    """Check that there are keys where the server is meant for more than this machine.

    Raises:
        KeysMissingError: There is no keys file.
    """
    if settings.keys.exists():
        return
    reason = None
    if not ipaddress.ip_address(Address.of(settings.host, settings.port).host).is_loopback:
        reason = f"the host {settings.host}, which other machines reach"
    elif settings.allowed_hosts:
        reason = f"PERENNIAL_ALLOWED_HOSTS={','.join(settings.allowed_hosts)}"
    if reason is not None:
        raise KeysMissingError(
            f"Expected a keys file at {settings.keys} for a server that others may ask, found none beside "
            f"{reason}. Make a key first: {program()} keys add NAME"
        )


def serve_command(address: Address) -> list[str]:
    """Return the command that starts the server."""
    return [
        *(sys.executable, "-m", "bentoml", "serve", SERVICE),
        *("--host", address.host, "--port", str(address.port)),
    ]


def environment_for(settings: Settings, base: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the variables that give these settings to every process of the server."""
    return {
        **(os.environ if base is None else base),
        "BENTOML_DO_NOT_TRACK": "True",
        **settings.places(),
        "PERENNIAL_HOST": settings.host,
        "PERENNIAL_PORT": str(settings.port),
        "PERENNIAL_WORKERS": str(settings.workers),
        "PERENNIAL_LEARNER": "on" if settings.learner else "off",
    }


def replace_process(address: Address, environment: dict[str, str]) -> NoReturn:
    """Become the server, so that signals and the exit code are the server's own."""
    command = serve_command(address)
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(command[0], command, environment)


def announce_when_ready(settings: Settings, address: Address) -> None:
    """Start a process that prints what serves, once the server that replaces this process is ready."""
    server = os.getpid()
    click.echo(f"Starting the server on {address.url}; the state is in {settings.home}", err=True)

    def announce() -> None:
        if wait_until_ready(address.url, lambda: is_running(server), _READY_SECONDS):
            click.echo(_welcome(settings, address), err=True)

    _in_background(announce)


def wait_until_ready(url: str, is_running: Callable[[], bool], seconds: float) -> bool:
    """Return whether the server became ready within so many seconds, before it ended."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and is_running():
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=5) as answer:
                if answer.status == 200:
                    return True
        except urllib.error.HTTPError as error:
            error.close()  # it listens, but is not ready yet
        except OSError:
            pass  # it does not listen yet
        time.sleep(0.25)
    return False


def _welcome(settings: Settings, address: Address) -> str:
    with open_existing_state(settings) as state, state.database.read() as connection:
        version = production(connection)
    lines = [f"Perennial serves on {address.url}, with its dashboard."]
    if version is not None:
        description = version.metrics.get("description") or f"{len(version.class_names)} classes"
        lines.append(f"Model: {version.version}, {description}.")
        if version.is_starter:
            lines.append(f"This is a starter model. Replace it with your classes: {program()} train DIR")
    lines.append(
        f"Ask it:   curl -H 'content-type: image/jpeg' --data-binary @photo.jpg {address.url}/v1/predict"
    )
    learning = "after" if settings.learner else f"by `{program()} learn` after"
    lines.append(f"It learns {learning} {settings.threshold_samples} samples of feedback. Ctrl-C stops it.")
    return "\n".join(lines)


def _in_background(work: Callable[[], None]) -> None:
    """Run `work` in a grandchild, so that the server never has to wait for it."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    if os.fork():
        os._exit(0)
    try:
        work()
    finally:
        os._exit(0)
