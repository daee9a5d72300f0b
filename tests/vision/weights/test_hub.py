import socket
import time
from collections.abc import Iterator
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import pytest
import torch
from torch.hub import get_dir, set_dir
from torchvision.models.mobilenetv3 import mobilenet_v3_small

from tests.hub_server import HubServer, hub_server
from vision.errors import WeightsUnavailableError
from vision.network import build_classifier
from vision.weights.hub import cached_file, imagenet_weights, require_reachable

BACKBONE = "mobilenet_v3_small"


@pytest.fixture(scope="module")
def content() -> bytes:
    buffer = BytesIO()
    torch.save(mobilenet_v3_small().state_dict(), buffer)
    return buffer.getvalue()


@pytest.fixture
def hub(content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """The hub, with an empty cache of ours."""
    before = get_dir()
    set_dir(tmp_path / "hub")
    with hub_server(content) as server:
        name = f"{BACKBONE}-{sha256(content).hexdigest()[:8]}.pth"
        monkeypatch.setattr(imagenet_weights(BACKBONE).value, "url", f"{server.url}/{name}")
        yield server
    set_dir(before)


def test_weights_are_fetched_once(hub: HubServer, content: bytes) -> None:
    for _ in range(2):
        classifier = build_classifier(BACKBONE, 2, "default")
    assert len(hub.ranges) == 1
    expected = torch.load(BytesIO(content), weights_only=True)["features.0.0.weight"]
    assert torch.equal(classifier.state_dict()["features.0.0.weight"], expected)


def test_a_cut_download_goes_on_where_it_was_cut(hub: HubServer, content: bytes) -> None:
    hub.num_cuts = 2
    build_classifier(BACKBONE, 2, "default")
    assert hub.ranges == [None, f"bytes={len(content) // 2}-", hub.ranges[2]]
    assert cached_file(imagenet_weights(BACKBONE)).read_bytes() == content


def test_a_server_without_ranges_begins_anew(hub: HubServer, content: bytes) -> None:
    hub.num_cuts, hub.knows_ranges = 1, False
    build_classifier(BACKBONE, 2, "default")
    assert cached_file(imagenet_weights(BACKBONE)).read_bytes() == content


@pytest.mark.parametrize("trouble", ["damaged", "always cut", "missing", "gone"])
def test_what_cannot_be_fetched_completely_leaves_nothing_behind(hub: HubServer, trouble: str) -> None:
    expected = {
        "damaged": "SHA-256 begins",
        "always cut": "tried 4 times: the download was cut",
        "missing": "404",
        "gone": "refused",
    }
    if trouble == "damaged":
        hub.content = hub.content[:-1] + b"?"
    elif trouble == "always cut":
        hub.num_cuts = 99
    elif trouble == "missing":
        hub.status = 404
    else:
        imagenet_weights(BACKBONE).value.url = "http://127.0.0.1:1/weights.pth"
    with pytest.raises(WeightsUnavailableError, match=expected[trouble]) as caught:
        build_classifier(BACKBONE, 2, "default")
    assert "efficientnet_lite0" in str(caught.value)
    assert not list(cached_file(imagenet_weights(BACKBONE)).parent.glob("*"))


def test_a_silent_server_is_given_up_on_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = get_dir()
    set_dir(tmp_path / "hub")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/weights.pth"
        monkeypatch.setattr(imagenet_weights(BACKBONE).value, "url", url)
        began = time.monotonic()
        with pytest.raises(WeightsUnavailableError, match="is silent"):
            require_reachable(BACKBONE, 0.2)
        assert time.monotonic() - began < 5
    set_dir(before)


def test_a_server_that_refuses_to_describe_a_file_answers_all_the_same(hub: HubServer) -> None:
    # It knows GET only, and answers HEAD with 501.
    require_reachable(BACKBONE, 5.0)
