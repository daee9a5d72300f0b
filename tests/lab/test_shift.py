from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from lab import shift
from lab.outcomes import ArmRuns, Measured

MeasuredOf = Callable[..., Measured]
RunsOf = Callable[..., ArmRuns]
CLEAN = [0.95, 0.94, 0.95]


def conclude(measured_of: MeasuredOf, *runs: ArmRuns) -> Sequence[str]:
    return shift.conclude(measured_of(*runs, tests=(shift.CLEAN, shift.SHIFTED))).answer


def test_the_cost_and_the_gains_are_given_in_points_and_shares(
    measured_of: MeasuredOf, runs_of: RunsOf
) -> None:
    answer = conclude(
        measured_of,
        runs_of(shift.NONE, CLEAN, shifted=[0.60, 0.61, 0.59]),
        runs_of("augmentation", CLEAN, shifted=[0.81, 0.80, 0.82]),
        runs_of("batch norm", [0.80, 0.79, 0.80], shifted=[0.70, 0.71, 0.69]),
        runs_of("warm up", CLEAN, shifted=[0.60, 0.61, 0.59]),
        runs_of("unfreezing", CLEAN, shifted=[0.40, 0.41, 0.40]),
    )
    assert answer[0] == "The shift costs 34.7 points: from 94.7 % to 60.0 %."
    assert answer[1].startswith("“augmentation” wins back 21.0 points, 60.6 % of what the shift cost, at no")
    assert answer[2].startswith(
        "“batch norm” wins back 10.0 points, 28.8 % of what the shift cost, at a cost"
    )
    assert answer[3] == "“unfreezing” makes it worse by 19.7 points."
    assert answer[4] == "What “warm up” changes on shifted images is within the spread."


def test_without_a_cost_there_is_nothing_to_win_back(measured_of: MeasuredOf, runs_of: RunsOf) -> None:
    answer = conclude(
        measured_of,
        runs_of(shift.NONE, CLEAN, shifted=CLEAN),
        runs_of("augmentation", CLEAN, shifted=[0.99, 0.99, 0.99]),
    )
    assert answer[0].startswith("The shift does not clearly cost anything")
    assert answer[1] == "So these trainings can't show that an adaptation wins anything back."


def test_where_nothing_helps_the_answer_says_so(measured_of: MeasuredOf, runs_of: RunsOf) -> None:
    shifted = [0.60, 0.61, 0.59]
    answer = conclude(
        measured_of,
        runs_of(shift.NONE, CLEAN, shifted=shifted),
        runs_of("augmentation", CLEAN, shifted=shifted),
    )
    assert answer[1] == "No adaptation clearly wins anything back."


def test_one_seed_shows_no_cost(measured_of: MeasuredOf, runs_of: RunsOf) -> None:
    [sentence] = conclude(measured_of, runs_of(shift.NONE, [0.9], shifted=[0.6]))
    assert "more seeds would show" in sentence


@pytest.mark.slow
def test_the_experiment_runs_on_a_folder_and_judges_on_images_that_it_did_not_show(
    run_json: Callable[..., Any], make_images: Callable[..., Path], tmp_path: Path
) -> None:
    folder = make_images(tmp_path / "colours", 60)
    report = run_json(
        *("lab", "shift", str(folder), "--weights", "none", "--image-size", "32"),
        *("--epochs", "1", "--seeds", "1"),
    )
    names = [variant["name"] for variant in report["variants"]]
    assert names == [shift.NONE, "augmentation", "adversarial", "self supervised"]
    assert {name for run in report["variants"][0]["runs"] for name in run["accuracy"]} == {"clean", "shifted"}
    assert report["images"]["num_unlabelled"] == 12
    assert report["answer"]


@pytest.mark.parametrize("num", [1, 2, 5])
def test_no_image_is_both_shown_and_judged(num: int, measured_of: MeasuredOf, runs_of: RunsOf) -> None:
    import io

    from PIL import Image

    from vision.decoding import ImageLimits

    def picture(level: int) -> bytes:
        content = io.BytesIO()
        Image.new("RGB", (8, 8), (level, level, level)).save(content, "PNG")
        return content.getvalue()

    images = measured_of(runs_of(shift.NONE, [0.9])).images
    pairs = [(picture(10 * index), index % 2) for index in range(2 * num)]
    ready = shift.prepare(
        type(images)("pictures", images.class_names, pairs, {"test": pairs}, 32, "basic"), ImageLimits()
    )
    assert len(ready.test) + len(ready.unlabelled) == 2 * num
    judged = {content for content, _ in ready.test}
    assert len(judged) == len(ready.test)
    assert len(ready.tests[shift.SHIFTED]) == len(ready.test)
