import sys

import pytest
from sqlalchemy import Connection

from perennial.settings.settings import Settings
from perennial.state import open_state
from store.registry import production, promote
from store.versions import NewVersion, add_version
from transfer import starter
from vision.initial_weights import InitialWeights


def test_without_a_network_imagenet_classes_come_from_the_lite_package(
    settings: Settings, no_hub: None
) -> None:
    with open_state(settings) as state:
        version = starter.ensure_production(state, settings.train())
        assert starter.ensure_production(state, settings.train()) == version
    assert (version.is_starter, version.margin) == (True, None)
    assert version.metrics["backbone"] == "efficientnet_lite0"
    assert len(version.class_names) == 1000
    assert "EfficientNet-Lite0" in version.metrics["description"]


def test_without_the_lite_package_too_the_bundled_classifier_serves_its_own_classes(
    settings: Settings, no_hub: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with open_state(settings) as state:
        version = starter.ensure_production(state, settings.train())
    assert version.metrics["backbone"] == "resnet18"
    assert (len(version.class_names), version.class_names[0]) == (200, "goldfish")
    assert "bundled" in version.metrics["description"]


def test_a_starter_never_replaces_what_was_trained_meanwhile(
    settings: Settings, no_hub: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_state(settings) as state:
        new = NewVersion(("cat", "dog"), {"artifact.json": state.blobs.put(b"{}")})

        def train_meanwhile(*arguments: object) -> InitialWeights:
            def work(connection: Connection) -> None:
                promote(connection, add_version(connection, new, ()).version, reason="a test", actor="test")

            state.database.write(work)
            return InitialWeights("resnet18", "bundled", "The ImageNet weights of resnet18")

        monkeypatch.setattr(starter, "find_initial_weights", train_meanwhile)
        version = starter.ensure_production(state, settings.train())
        with state.database.read() as connection:
            assert production(connection) == version
    assert version.class_names == ("cat", "dog")
