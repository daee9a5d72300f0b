"""What `train` does with ensembles, seeds, strategies and uneven classes."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import Result
from PIL import Image

from perennial.settings.settings import Settings
from perennial.state import open_state
from service.inference.predictor import Predictor, load_model
from store.versions import find_version, load_files
from vision.artifact import from_files
from vision.engines.choice import EngineSettings
from vision.ensemble import Ensemble

TRAIN = ("--weights", "none", "--image-size", "32")
PROBE = (*TRAIN, "--strategy", "linear_probe")
MakeImages = Callable[..., Path]
RunJson = Callable[..., Any]


def test_an_ensemble_is_served_and_its_gain_and_cost_are_reported(
    run_json: RunJson, make_images: MakeImages, tmp_path: Path, settings: Settings
) -> None:
    folder = make_images(tmp_path / "images")
    report = run_json("train", str(folder), *PROBE, "--ensemble", "3")
    gain = report["ensemble"]
    assert gain["num_members"] == report["metrics"]["num_members"] == 3
    assert gain["golden"]["ensemble"] == report["metrics"]["golden_accuracy"]
    assert gain["validation"]["ensemble"] == report["metrics"]["validation_accuracy"]
    assert set(gain["milliseconds"]) == {"1", "8"}
    plain = run_json("train", str(folder), *PROBE)["metrics"]
    assert gain["plain_golden"] == plain["golden_accuracy"]
    assert gain["plain_validation"] == plain["validation_accuracy"]
    head = 2 * 512 + 2
    assert gain["num_parameters"]["ensemble"] - gain["num_parameters"]["one"] == 2 * head
    with open_state(settings) as state, state.database.read() as connection:
        version = find_version(connection, report["version"])
        files = load_files(state.blobs, version)
    artifact = from_files(files)
    model = load_model(version.version, files, EngineSettings(kind="torch"))
    picture = Image.open(BytesIO((folder / "red" / "3.jpg").read_bytes())).convert("RGB")
    image = artifact.preprocessing.to_tensor(picture)
    [prediction] = Predictor(model).predict(model, [artifact.preprocessing.pixels(picture)])
    ensemble = artifact.build()
    assert isinstance(ensemble, Ensemble)
    with torch.inference_mode():
        members = [ensemble.member(index)(image.unsqueeze(0)).softmax(dim=1) for index in range(3)]
    scaled = torch.stack(members).mean(dim=0).log() / artifact.temperature
    chances = dict(zip(artifact.class_names, scaled.softmax(dim=1)[0].tolist(), strict=True))
    assert dict(prediction.top) == pytest.approx(chances, abs=1e-5)


@pytest.mark.slow
def test_seeds_are_reported_with_their_spread_and_the_best_is_deployed(
    run_json: RunJson, run: Callable[..., Result], make_images: MakeImages, tmp_path: Path
) -> None:
    folder = make_images(tmp_path / "images", 12)
    report = run_json("train", str(folder), *PROBE, "--repeat", "3", "--seed", "4")
    repeats = report["repeats"]
    assert [each["seed"] for each in repeats["each"]] == [4, 5, 6]
    best = max(repeats["each"], key=lambda each: (each["validation_accuracy"], -each["validation_loss"]))
    assert report["metrics"]["seed"] == repeats["chosen_seed"] == best["seed"]
    assert report["metrics"]["golden_accuracy"] == best["golden_accuracy"]
    golden = [each["golden_accuracy"] for each in repeats["each"]]
    assert repeats["golden_mean"] == pytest.approx(sum(golden) / 3)
    assert report["version"] == "v1"
    assert "honest figure" in run("train", str(folder), *PROBE, "--repeat", "2").stdout


@pytest.mark.slow
def test_calibration_is_reported_before_and_after(
    run_json: RunJson, run: Callable[..., Result], make_images: MakeImages, tmp_path: Path
) -> None:
    folder = str(make_images(tmp_path / "images"))
    metrics = run_json("train", folder, *PROBE)["metrics"]
    assert 0 <= metrics["calibration_error"] <= 1
    assert metrics["calibration_error"] != metrics["uncalibrated_error"]
    text = run("train", folder, *PROBE).stdout
    assert f"off by {100 * metrics['calibration_error']:.1f} %" in text


@pytest.mark.slow
def test_the_best_strategy_is_reported_with_the_others(
    run: Callable[..., Result], make_images: MakeImages, tmp_path: Path
) -> None:
    folder = str(make_images(tmp_path / "images", 12))
    options = ("--weights", "bundled", "--image-size", "32", "--epochs", "1", "--strategy", "best")
    result = run("train", folder, *options, "--ensemble", "2")
    assert result.exit_code == 0, result.output
    for name in ("linear probe", "partial", "gradual", "full", "kept", "ensemble of 2"):
        assert name in result.stdout
    assert "may be 2 whole networks" in result.stderr


@pytest.mark.slow
def test_uneven_classes_are_warned_of_and_balanced_on_demand(
    run_json: RunJson, make_images: MakeImages, tmp_path: Path
) -> None:
    folder = make_images(tmp_path / "images", 60)
    for number in range(12, 60):
        (folder / "red" / f"{number}.jpg").unlink()
    [warning] = run_json("train", str(folder), *PROBE)["warnings"]
    assert "'blue' has" in warning
    assert "--balance" in warning
    assert run_json("train", str(folder), *PROBE, "--balance")["warnings"] == []


def test_options_that_would_do_nothing_are_refused_before_images_are_read(
    run: Callable[..., Result], tmp_path: Path
) -> None:
    steps = ("--learning-rate", "0.1", "--optimizer", "sgd", "--momentum", "0.5", "--batch-size", "4")
    place = str(tmp_path / "nowhere")
    result = run("train", place, *PROBE, *steps, "--schedule", "cosine", "--patience", "9")
    assert result.exit_code == 2
    assert (
        "no --learning-rate, --optimizer, --momentum, --batch-size, --schedule and --patience"
        in result.stderr
    )
    result = run("train", place, *TRAIN, "--optimizer", "adam", "--momentum", "0.9")
    assert "this training uses adam, which has its own" in result.stderr


@pytest.mark.slow
def test_without_a_hub_train_says_which_network_it_took(
    run_json: RunJson, make_images: MakeImages, tmp_path: Path, no_hub: None
) -> None:
    report = run_json("train", str(make_images(tmp_path / "images", 10)), "--image-size", "32")
    [warning] = [each for each in report["warnings"] if "could not be had here" in each]
    assert "so efficientnet_lite0 starts from ImageNet weights" in warning
    assert report["metrics"]["backbone"] == "efficientnet_lite0"


def test_a_network_that_was_named_is_not_replaced(
    run: Callable[..., Result], make_images: MakeImages, tmp_path: Path, no_hub: None
) -> None:
    result = run("train", str(make_images(tmp_path / "images", 10)), "--backbone", "resnet18")
    assert result.exit_code == 2
    assert "--weights bundled" in result.stderr


def test_more_than_five_classes_have_a_top_5_accuracy_and_long_names_leave_room_for_figures(
    run: Callable[..., Result], run_json: RunJson, make_images: MakeImages, tmp_path: Path
) -> None:
    classes = ("x" * 200, *"abcde")
    folder = str(make_images(tmp_path / "images", 10, classes))
    result = run("train", folder, *PROBE)
    assert "all, in the top five" in result.stdout
    row = next(line for line in result.stdout.splitlines() if line.strip().startswith("xxx"))
    assert row.rstrip().endswith("%")
    detail = run_json("models", "show", "v1")
    assert 0 <= detail["metrics"]["golden_accuracy"] <= detail["metrics"]["golden_top5_accuracy"] <= 1
    assert detail["curves"]["advice"]
    text = run("models", "show", "v1").stdout
    assert "golden top5 accuracy" in text
    assert f"Diagnosis: {detail['curves']['diagnosis']}" in text


def test_even_classes_are_not_warned_of(run_json: RunJson, make_images: MakeImages, tmp_path: Path) -> None:
    assert run_json("train", str(make_images(tmp_path / "images", 12)), *PROBE)["warnings"] == []
