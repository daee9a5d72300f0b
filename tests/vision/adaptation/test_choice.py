import pytest

from vision.adaptation.choice import MIN_UNLABELLED, choose_adaptations
from vision.adaptation.table import ADAPTATIONS
from vision.errors import ConflictingAdaptationsError, UnknownAdaptationError, UnlabelledMissingError


def choose(
    *names: str,
    strategy: str = "auto",
    backbone: str = "resnet18",
    weights: str = "default",
    num_unlabelled: int = 50,
) -> tuple[tuple[str, ...], str]:
    return choose_adaptations(
        names,
        strategy=strategy,
        backbone=backbone,
        weights=weights,  # type: ignore[arg-type]  # parametrized
        num_unlabelled=num_unlabelled,
    )


def test_none_leaves_the_strategy_as_it_is() -> None:
    assert choose() == ((), "auto")
    assert choose(strategy="partial") == ((), "partial")


def test_they_come_in_the_tables_order_and_once() -> None:
    names, _ = choose("batch_norm", "augmentation", "batch_norm")
    assert names == ("augmentation", "batch_norm")


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("augmentation",), "auto"),
        (("batch_norm", "self_supervised"), "auto"),
        (("warm_up",), "full"),
        (("unfreezing",), "gradual"),
        (("adversarial",), "full"),
        (("adversarial", "unfreezing"), "gradual"),
        (("warm_up", "unfreezing"), "gradual"),
        (tuple(adaptation.name for adaptation in ADAPTATIONS), "gradual"),
    ],
)
def test_auto_takes_a_strategy_that_all_of_them_go_with(names: tuple[str, ...], expected: str) -> None:
    assert choose(*names)[1] == expected


@pytest.mark.parametrize("name", ["adversarial", "self_supervised", "batch_norm"])
def test_what_learns_from_the_target_needs_pictures_of_it(name: str) -> None:
    choose(name, num_unlabelled=MIN_UNLABELLED)
    with pytest.raises(UnlabelledMissingError, match=rf"{name} .*got {MIN_UNLABELLED - 1}.*--unlabelled"):
        choose(name, num_unlabelled=MIN_UNLABELLED - 1)


@pytest.mark.parametrize("name", ["warm_up", "unfreezing", "augmentation"])
def test_the_others_need_none(name: str) -> None:
    assert choose(name, num_unlabelled=0)[0] == (name,)


@pytest.mark.parametrize(
    ("name", "strategy"),
    [
        ("warm_up", "linear_probe"),
        ("warm_up", "partial"),
        ("unfreezing", "full"),
        ("adversarial", "linear_probe"),
    ],
)
def test_a_strategy_that_makes_no_sense_with_one_is_refused(name: str, strategy: str) -> None:
    with pytest.raises(ConflictingAdaptationsError, match=f"{name} goes with .*; got {strategy}"):
        choose(name, strategy=strategy)


@pytest.mark.parametrize("name", ["warm_up", "unfreezing", "batch_norm"])
def test_without_pretrained_weights_there_is_nothing_to_take_care_of(name: str) -> None:
    with pytest.raises(ConflictingAdaptationsError, match="weights none has none"):
        choose(name, weights="none")


def test_a_network_without_batch_normalisation_has_no_statistics_to_move() -> None:
    with pytest.raises(ConflictingAdaptationsError, match="vgg16 has none"):
        choose("batch_norm", backbone="vgg16")


def test_an_unknown_name_is_reported_with_those_that_there_are() -> None:
    with pytest.raises(UnknownAdaptationError, match=r"warm_up, unfreezing.*got 'warmup'"):
        choose("warmup")
