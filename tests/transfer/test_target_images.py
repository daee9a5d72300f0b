"""`train --adapt` refuses options before it reads images, and reports its adaptations at the end."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import Result

from perennial.settings.settings import Settings
from perennial.state import open_state
from store.registry import production
from vision.network import build_classifier

Run = Callable[..., Result]
MakeImages = Callable[..., Path]


@pytest.fixture
def weights(tmp_path: Path) -> str:
    torch.manual_seed(0)
    path = tmp_path / "resnet18.pth"
    torch.save(build_classifier("resnet18", 5).state_dict(), path)
    return str(path)


@pytest.fixture
def options(weights: str) -> tuple[str, ...]:
    return ("--weights", weights, "--image-size", "32", "--epochs", "1")


def test_the_version_and_the_report_name_the_adaptations(
    run: Run, make_images: MakeImages, options: tuple[str, ...], tmp_path: Path, settings: Settings
) -> None:
    folder, target = make_images(tmp_path / "images"), make_images(tmp_path / "target")
    (target / "red" / "broken.png").write_bytes(b"no image")
    adapt_options = ("--adapt", "batch_norm", "--adapt", "augmentation", "--unlabelled", str(target))
    result = run("train", str(folder), *options, *adapt_options)
    assert result.exit_code == 0, result.output
    text = " ".join(result.stdout.split())
    assert "linear probe, adapted by augmentation, batch norm, 32 px" in text
    assert "40 unlabelled images of the target were learnt from, and not stored; 1 could not be read" in text
    assert "broken.png" in text
    with open_state(settings) as state, state.database.read() as connection:
        version = production(connection)
    assert version is not None
    assert version.metrics["adaptations"] == ["augmentation", "batch_norm"]


def test_json_counts_the_unlabelled_pictures(
    run_json: Callable[..., Any], make_images: MakeImages, options: tuple[str, ...], tmp_path: Path
) -> None:
    folder, target = make_images(tmp_path / "images"), make_images(tmp_path / "target", 5)
    adapt_options = ("--adapt", "batch_norm", "--unlabelled", str(target))
    trained = run_json("train", str(folder), *options, *adapt_options)
    assert trained["num_unlabelled"] == 10
    assert trained["metrics"]["adaptations"] == ["batch_norm"]
    # The target's pictures are no samples.
    assert trained["num_train"] + trained["num_validation"] + trained["num_golden"] == 40


def test_without_adaptations_none_are_named(
    run_json: Callable[..., Any], make_images: MakeImages, options: tuple[str, ...], tmp_path: Path
) -> None:
    trained = run_json("train", str(make_images(tmp_path / "images")), *options)
    assert (trained["metrics"]["adaptations"], trained["num_unlabelled"]) == ([], 0)


@pytest.mark.parametrize(
    ("adapt_options", "expected"),
    [
        (("--adapt", "batch_norm"), "--unlabelled"),
        (("--adapt", "adversarial", "--strategy", "linear_probe", "--unlabelled", "TARGET"), "goes with"),
        (("--adapt", "warm_up", "--weights", "none"), "weights none"),
        (("--adapt", "augmentation", "--unlabelled", "TARGET"), "got augmentation"),
        (("--unlabelled", "TARGET"), "got none"),
        (("--adapt", "batch_norm", "--unlabelled", "nowhere"), "there is none"),
        (("--adapt", "sideways"), "'sideways' is not one of"),
    ],
)
def test_what_makes_no_sense_is_refused_before_the_images_are_read(
    adapt_options: tuple[str, ...],
    expected: str,
    run: Run,
    make_images: MakeImages,
    options: tuple[str, ...],
    tmp_path: Path,
) -> None:
    target = make_images(tmp_path / "target")
    words = [str(target) if word == "TARGET" else word for word in adapt_options]
    # The folder of images does not exist either, but the message is about the options.
    result = run("train", str(tmp_path / "not-read"), *options, *words)
    assert result.exit_code == 2
    assert "Traceback" not in result.output
    assert expected in " ".join(result.stderr.split())
    assert "not-read" not in result.stderr


def test_a_folder_of_which_too_little_can_be_read_is_refused(
    run: Run, make_images: MakeImages, options: tuple[str, ...], tmp_path: Path
) -> None:
    target = make_images(tmp_path / "target", 5)
    for number in range(5):
        (target / "red" / f"{number}.jpg").write_bytes(b"no image")
    adapt_options = ("--adapt", "batch_norm", "--unlabelled", str(target))
    result = run("train", str(make_images(tmp_path / "images")), *options, *adapt_options)
    assert result.exit_code == 2
    assert "got 5" in result.stderr
