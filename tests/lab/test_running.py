"""Experiments as a person runs them: a small ResNet-18 from random weights on pictures of two colours."""

import json
import re
import shutil
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result

from lab.questions import QUESTIONS
from lab.running import EXPERIMENTS
from perennial.settings.settings import Settings
from perennial.state import open_state
from store.registry import production

Run = Callable[..., Result]
RunJson = Callable[..., Any]
SMALL = ("--weights", "none", "--image-size", "32", "--epochs", "1", "--seeds", "2")


@pytest.fixture
def colours(make_images: Callable[..., Path], tmp_path: Path) -> Path:
    # The name stands on the report.
    return make_images(tmp_path / "<script>alert(1)<", 40)


@pytest.fixture
def shuffled(colours: Path, tmp_path: Path) -> Path:
    """The same pictures, half of each colour under the other's name."""
    files = sorted(colours.rglob("*.jpg"))
    labels = np.random.default_rng(0).permutation([index % 2 for index in range(len(files))])
    for label in ("blue", "red"):
        (tmp_path / "shuffled" / label).mkdir(parents=True)
    for index, (file, label) in enumerate(zip(files, labels, strict=True)):
        shutil.copy(file, tmp_path / "shuffled" / ("red" if label else "blue") / f"{index}.jpg")
    return tmp_path / "shuffled"


class _Page(HTMLParser):
    """Notes what a page would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.fetched += [
            str(value)
            for name, value in attrs
            if name in ("src", "href", "xlink:href", "srcset") and not str(value).startswith("#")
        ]


def test_an_experiment_answers_in_a_page_of_one_file_with_names_escaped_and_stores_nothing(
    run: Run, colours: Path, settings: Settings
) -> None:
    result = run("lab", "freezing", str(colours), *SMALL)
    assert result.exit_code == 0, result.output
    # Which one depends on the seconds that each took, where all are about as good.
    assert "Use “" in result.stdout
    page = settings.home / "lab" / "freezing.html"
    assert f"The report: {page}" in result.stdout
    read = _Page()
    text = page.read_text()
    read.feed(text)
    assert (read.fetched, {"script", "link", "img"} & read.tags) == ([], set())
    assert "&lt;script&gt;" in text
    assert "url(" not in re.sub(r"url\(#", "", text)
    assert {"table", "svg", "figcaption"} <= read.tags
    report = json.loads((settings.home / "lab" / "freezing.json").read_text())
    names = [variant["name"] for variant in report["variants"]]
    assert names == ["linear probe", "head in steps", "partial", "full"]
    with open_state(settings) as state, state.database.read() as connection:
        assert production(connection) is None


@pytest.mark.slow
def test_the_same_experiment_on_shuffled_labels_answers_that_nothing_was_learnt(
    run_json: RunJson, shuffled: Path
) -> None:
    answer = run_json("lab", "freezing", str(shuffled), *SMALL)["answer"]
    assert answer[0].startswith("Nothing was learnt that helps on the 16 test images")
    assert not any(sentence.startswith("Use ") for sentence in answer)


@pytest.mark.slow
def test_the_answer_s_figures_are_those_of_the_table(run_json: RunJson, colours: Path) -> None:
    report = run_json("lab", "unfreezing", str(colours), *SMALL)
    for run in (run for variant in report["variants"] for run in variant["runs"]):
        assert run["accuracy"]["test"] == run["right"]["test"].count("1") / report["images"]["num_test"]
    accuracies = {
        variant["name"]: np.mean([run["accuracy"]["test"] for run in variant["runs"]])
        for variant in report["variants"]
    }
    difference = 100 * (accuracies["in three steps"] - accuracies["all at once"])
    if difference == 0:
        assert "“in three steps” and “all at once” are right equally often." in report["answer"]
    else:
        assert any(f"{abs(difference):.1f} point" in sentence for sentence in report["answer"])


def test_a_rate_that_diverges_is_shown_and_named(
    run_json: RunJson, colours: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lab.learning_rate.RATES", (1e-3, 1e20))
    report = run_json("lab", "learning-rate", str(colours), *SMALL)
    assert any(
        "1e+20 is too large: the loss became infinite or undefined in 2 of 2" in each
        for each in report["answer"]
    )
    assert all(run["diverged"] for run in report["variants"][1]["runs"])


@pytest.mark.slow
def test_few_images_of_each_class_are_trained_on_with_and_without_variants(
    run_json: RunJson, colours: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lab.augmentation.NUM_PER_CLASS", 8)
    report = run_json("lab", "augmentation", str(colours), *SMALL, "--seeds", "1")
    assert [variant["augmentation"] for variant in report["variants"]] == ["none", "basic", "strong"]
    shares = {run["training_accuracy"] for variant in report["variants"] for run in variant["runs"]}
    assert all((16 * share).is_integer() for share in shares)


@pytest.mark.slow
@pytest.mark.usefixtures("no_hub")
def test_networks_without_pretrained_weights_start_from_scratch_and_the_report_says_which(
    run_json: RunJson, colours: Path
) -> None:
    report = run_json("lab", "backbones", str(colours), "--image-size", "32", "--epochs", "1", "--seeds", "1")
    starts = {variant["name"]: variant["started_from"] for variant in report["variants"]}
    assert starts == {
        "resnet18": "the bundled weights",
        "resnet50": "random weights",
        "mobilenet_v3_small": "random weights",
        "efficientnet_lite0": "ImageNet weights",
    }
    assert any("resnet50 and mobilenet_v3_small from random weights" in each for each in report["answer"])
    assert any("resnet50 could not be had here" in note for note in report["notes"])


@pytest.mark.slow
def test_without_a_folder_it_runs_on_digits_and_says_so(run_json: RunJson, tmp_path: Path) -> None:
    place = tmp_path / "here"
    few = ("--seeds", "1", "--epochs", "1", "--max-images", "60")
    report = run_json("lab", "freezing", *SMALL, *few, "--out", str(place))
    assert report["images"]["name"] == "handwritten digits"
    assert "demonstration images" in report["notes"][0]
    assert report["report"] == str(place / "freezing.html")
    assert Path(report["report"]).exists()


def test_the_questions_are_listed(run: Run, run_json: RunJson) -> None:
    names = [each["name"] for each in run_json("lab")["exercises"]]
    assert names == [question.name for question in QUESTIONS]
    assert names == list(EXPERIMENTS)
    text = run("lab").stdout
    assert all(name in text for name in names)


def test_a_place_without_images_is_an_error_of_one_line(run: Run, tmp_path: Path) -> None:
    result = run("lab", "freezing", str(tmp_path / "nowhere"), *SMALL)
    assert result.exit_code == 2
    assert "nowhere" in result.stderr
