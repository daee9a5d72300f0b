import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from monitoring.forgetting import forgetting_matrix
from perennial.settings.settings import Settings
from perennial.state import open_state
from store.kept_samples import kept_samples
from store.measurements import latest
from store.registry import production
from store.slices import slice_samples
from store.versions import Version, find_version, load_files
from vision.artifact import Artifact, from_files
from vision.engines import processor, served_form
from vision.engines.kind import MODEL_FILE, MODEL_WEIGHTS_FILE
from vision.errors import WeightsUnavailableError

# Returns the metrics, the version and its artifact.
Train = Callable[[], tuple[dict[str, Any], Version, Artifact]]
TRAIN = ("--weights", "none", "--image-size", "32", "--epochs", "1")
# A test of rounds holds that their versions' metrics have these names.
MEASURED_BY_ROUNDS_TOO = {
    "golden_accuracy", "num_golden", "calibration_error", "backbone", "image_size", "temperature",
    "diagnosis", "num_epochs", "num_members", "served_precision",
}  # fmt: skip
Run = Callable[..., Result]
MakeImages = Callable[..., Path]


def test_train_makes_production_of_a_folder(
    run_json: Callable[..., Any], make_images: MakeImages, tmp_path: Path, settings: Settings
) -> None:
    trained = run_json("train", str(make_images(tmp_path / "images")), *TRAIN)
    assert trained["version"] == "v1"
    assert trained["num_train"] + trained["num_validation"] + trained["num_golden"] == 40
    assert trained["golden_needed"] > trained["num_golden"]
    assert Path(trained["curves"]).read_bytes().startswith(b"\x89PNG")
    with open_state(settings) as state, state.database.read() as connection:
        version = production(connection)
        assert version is not None
        golden = slice_samples(connection, "golden-1")
        measured = latest(connection, "accuracy", version="v1")
        files = {name: state.blobs.get(sha256) for name, sha256 in version.files.items()}
        assert {sample.origin for sample in golden} == {"initial"}
        assert all(state.blobs.exists(sample.sha256) for sample in golden)
    assert measured is not None
    assert (measured.value, measured.num_samples) == (trained["metrics"]["golden_accuracy"], len(golden))
    assert from_files(files).class_names == ("blue", "red")
    assert version.margin == trained["margin"]
    assert version.metrics.keys() >= MEASURED_BY_ROUNDS_TOO


@pytest.mark.slow
def test_training_again_keeps_the_lineage_and_other_classes_begin_one(
    run_json: Callable[..., Any], make_images: MakeImages, tmp_path: Path
) -> None:
    folder = make_images(tmp_path / "images", 12)
    assert run_json("train", str(folder), *TRAIN)["lineage"] == 1
    again = run_json("train", str(folder), *TRAIN)
    assert (again["version"], again["parent"], again["lineage"]) == ("v2", "v1", 1)
    (folder / "red").rename(folder / "scarlet")
    assert run_json("train", str(folder), *TRAIN)["lineage"] == 2


def test_the_table_warns_of_a_small_golden_set(run: Run, make_images: MakeImages, tmp_path: Path) -> None:
    result = run("train", str(make_images(tmp_path / "images")), *TRAIN)
    assert result.exit_code == 0, result.output
    assert "v1 is in production" in result.stdout
    assert "golden images would make it 2" in result.stdout


def refuses(run: Run, folder: Path, *expected: str, options: tuple[str, ...] = TRAIN) -> None:
    result = run("train", str(folder), *options)
    assert result.exit_code == 2
    assert "Traceback" not in result.output
    for text in expected:
        assert text in result.stderr


def test_a_folder_that_is_not_there(run: Run, tmp_path: Path) -> None:
    refuses(run, tmp_path / "nowhere", "there is none")


def test_a_folder_without_images(run: Run, tmp_path: Path) -> None:
    (tmp_path / "images" / "cats").mkdir(parents=True)
    refuses(run, tmp_path / "images", "no images")


def test_one_class(run: Run, make_images: MakeImages, tmp_path: Path) -> None:
    refuses(run, make_images(tmp_path / "images", classes=("blue",)), "at least two classes", "'blue'")


def test_classes_of_three_images(run: Run, make_images: MakeImages, tmp_path: Path) -> None:
    refuses(run, make_images(tmp_path / "images", 3), "at least 10 readable images", "'red' has 3")


def test_unreadable_files(run: Run, make_images: MakeImages, tmp_path: Path) -> None:
    folder = make_images(tmp_path / "images")
    for number in range(10):
        (folder / "red" / f"{number}.jpg").write_bytes(b"no image at all")
    refuses(run, folder, "10 of 40", "unreadable")


def test_a_few_unreadable_files_are_left_out_and_named(
    run_json: Callable[..., Any], make_images: MakeImages, tmp_path: Path
) -> None:
    folder = make_images(tmp_path / "images")
    (folder / "red" / "0.jpg").write_bytes(b"no image at all")
    trained = run_json("train", str(folder), *TRAIN)
    assert [Path(name).name for name, _ in trained["left_out"]] == ["0.jpg"]


def test_one_picture_in_two_class_folders_is_left_out_of_both_and_named(
    run: Run, make_images: MakeImages, tmp_path: Path, settings: Settings
) -> None:
    folder = make_images(tmp_path / "images")
    shutil.copy(folder / "red" / "0.jpg", folder / "blue" / "copy.jpg")
    for_people = run("train", str(folder), *TRAIN).stdout
    for left_out in (folder / "blue" / "copy.jpg", folder / "red" / "0.jpg"):
        assert re.search(rf"left out: {left_out}: the same picture as .* another label", for_people)
    with open_state(settings) as state:
        assert sum(1 for _ in kept_samples(state.database)) == 39


@pytest.mark.slow
def test_training_again_is_measured_on_every_slice(
    run_json: Callable[..., Any], make_images: MakeImages, tmp_path: Path, settings: Settings
) -> None:
    folder = make_images(tmp_path / "images", 12)
    run_json("train", str(folder), *TRAIN)
    more = make_images(tmp_path / "more", 30)
    for label in ("blue", "red"):
        for number in range(12, 30):
            shutil.copy(more / label / f"{number}.jpg", folder / label)
    run_json("train", str(folder), *TRAIN)
    run_json("train", str(folder), *TRAIN)
    with open_state(settings) as state, state.database.read() as connection:
        matrix = forgetting_matrix(connection, "v3")
        sizes = {name: len(slice_samples(connection, name)) for name in matrix.slices}
    assert matrix.slices == ("golden-1", "golden-1-v2")
    measured = {(cell.version, cell.slice): cell.num_samples for cell in matrix.cells}
    # The second slice did not exist yet when v1 was trained.
    assert measured == {
        ("v1", "golden-1"): sizes["golden-1"],
        ("v2", "golden-1"): sizes["golden-1"],
        ("v2", "golden-1-v2"): sizes["golden-1-v2"],
        ("v3", "golden-1"): sizes["golden-1"],
        ("v3", "golden-1-v2"): sizes["golden-1-v2"],
    }


def test_weights_that_cannot_be_fetched(
    run: Run, make_images: MakeImages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: Any) -> None:
        raise WeightsUnavailableError("The weights could not be fetched. Use --weights none.")

    monkeypatch.setattr("vision.weights.hub._fetch", fail)
    folder = make_images(tmp_path / "images")
    refuses(run, folder, "--weights none", options=("--backbone", "resnet18", "--image-size", "32"))


def test_a_weights_file_that_is_not_there(run: Run, make_images: MakeImages, tmp_path: Path) -> None:
    folder = make_images(tmp_path / "images")
    refuses(run, folder, "lost.safetensors", options=("--weights", "lost.safetensors"))


def test_an_unknown_backbone_names_the_nearest(run: Run, make_images: MakeImages, tmp_path: Path) -> None:
    folder = make_images(tmp_path / "images")
    refuses(run, folder, "resnet18", options=("--backbone", "resnet81", *TRAIN))


@pytest.fixture(name="train")
def train_fixture(
    run_json: Callable[..., Any],
    make_images: MakeImages,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Train:
    """Return a function that trains with the fastest engine."""
    monkeypatch.setenv("PERENNIAL_ENGINE", "auto")

    def train() -> tuple[dict[str, Any], Version, Artifact]:
        report = run_json("train", str(make_images(tmp_path / "images")), *TRAIN)
        with open_state(settings) as state:
            with state.database.read() as connection:
                version = find_version(connection, "v1")
            return report["metrics"], version, from_files(load_files(state.blobs, version))

    return train


def test_a_version_gets_a_form_that_openvino_serves(train: Train) -> None:
    metrics, version, _ = train()
    assert (metrics["served_precision"], metrics["share_changed"]) == ("float32", 0.0)
    assert {MODEL_FILE, MODEL_WEIGHTS_FILE} <= version.files.keys()


@pytest.mark.slow
def test_a_version_is_judged_and_stored_in_int8_where_it_bears_that(
    train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processor, "_capabilities", lambda: {"avx2": True})
    monkeypatch.setattr(served_form, "MIN_IMAGE_SIZE", 32)
    monkeypatch.setenv("PERENNIAL_PRECISION", "auto")
    metrics, version, _ = train()
    assert metrics["served_precision"] == version.metrics["served_precision"] == "int8"
    assert MODEL_FILE in version.files
