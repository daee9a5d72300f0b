import threading
import time
from typing import Any

import pytest
from sqlalchemy import Connection

from perennial.settings.settings import Settings
from perennial.state import open_state
from store.registry import production, promote
from store.slices import slice_samples
from store.versions import NewVersion, add_version
from transfer import starter
from vision.artifact import Artifact
from vision.errors import WeightsUnavailableError
from vision.network import build_classifier
from vision.preprocessing import preprocessing_for


def fail(*arguments: Any) -> None:
    raise WeightsUnavailableError("no network")


def test_without_a_network_digits_are_trained_with_a_golden_set(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(starter, "_imagenet_classifier", fail)
    monkeypatch.setattr(starter, "NUM_SCANS", 150)
    monkeypatch.setattr(starter, "NUM_EPOCHS", 1)
    with open_state(settings) as state:
        version = starter.ensure_production(state, settings.train())
        with state.database.read() as connection:
            assert production(connection) == version
            golden = slice_samples(connection, f"golden-{version.lineage}")
    assert version.is_starter
    assert version.class_names == tuple(f"digit {number}" for number in range(10))
    assert version.metrics["num_golden"] == len(golden) > 0
    assert version.margin is not None
    assert "digits" in version.metrics["description"]


def test_with_weights_imagenet_classes_serve_without_a_golden_set(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = tuple(f"class {number}" for number in range(1000))
    state_dict = build_classifier("resnet18", 1000).state_dict()
    artifact = Artifact("resnet18", names, preprocessing_for("resnet18"), state_dict)
    monkeypatch.setattr(starter, "_imagenet_classifier", lambda seconds: (artifact, "ImageNet's"))
    with open_state(settings) as state:
        version = starter.ensure_production(state, settings.train())
        assert starter.ensure_production(state, settings.train()) == version
    assert (version.is_starter, version.margin) == (True, None)
    assert "ImageNet" in version.metrics["description"]


def test_without_a_network_imagenet_classes_come_from_the_lite_package(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(starter, "_downloaded", fail)
    with open_state(settings) as state:
        version = starter.ensure_production(state, settings.train())
    assert version.metrics["backbone"] == "efficientnet_lite0"
    assert len(version.class_names) == 1000
    assert "EfficientNet-Lite0" in version.metrics["description"]


def test_a_starter_never_replaces_what_was_trained_meanwhile(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(starter, "NUM_SCANS", 150)
    monkeypatch.setattr(starter, "NUM_EPOCHS", 1)
    with open_state(settings) as state:
        new = NewVersion(("cat", "dog"), {"artifact.json": state.blobs.put(b"{}")})

        def work(connection: Connection) -> None:
            promote(connection, add_version(connection, new, ()).version, reason="a test", actor="test")

        state.database.write(work)
        assert starter._train_digits(state, settings.train()).version == "v1"
        with state.database.read() as connection:
            version = production(connection)
    assert version is not None
    assert version.class_names == ("cat", "dog")


def test_a_silent_network_is_given_up_on_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    is_over = threading.Event()

    def never_answer(*arguments: Any, **named: Any) -> None:
        is_over.wait(30)
        raise OSError("timed out")

    monkeypatch.setattr("urllib.request.urlopen", never_answer)
    began = time.monotonic()
    assert not starter._is_reachable("https://weights.example/resnet18.pth", 0.2)
    assert time.monotonic() - began < 5
    is_over.set()
