import pytest

from vision.errors import LabelError
from vision.labels import class_named, clean_label, first_twins, is_printable
from vision.zoo import find_backbone


def test_a_label_loses_the_space_around_it_and_is_normalised() -> None:
    assert clean_label(" red wine\t") == "red wine"
    assert clean_label("cafe\u0301") == "caf\u00e9"
    assert clean_label("a" * 200) == "a" * 200


@pytest.mark.parametrize("label", ["", "  ", "a" * 201, "a\nb", "a\0", "\x7f", "\ud800"])
def test_what_is_no_label_is_refused(label: str) -> None:
    with pytest.raises(LabelError):
        clean_label(label)


@pytest.mark.parametrize(
    ("sent", "named"),
    [
        ("Red Wine", "red wine"),
        ("red  wine", "red wine"),
        ("red\u200b wine", "red wine"),
        ("CAF\u00c9", "caf\u00e9"),
        ("cafe\u0301", "caf\u00e9"),
        ("Cardigan", "Cardigan"),
        ("cardigan", "cardigan"),
        ("CARDIGAN", "CARDIGAN"),
        ("tea", "tea"),
        ("red wine\u3164", "red wine"),
        ("red\ufe0f wine\u2800", "red wine"),
        ("\u034fRED\u115f wine\U000e0100", "red wine"),
    ],
)
def test_a_label_is_the_class_that_people_take_it_for(sent: str, named: str) -> None:
    # ImageNet has a dog and a garment whose names differ in case.
    assert class_named(sent, ["red wine", "caf\u00e9", "Cardigan", "cardigan"]) == named


def test_a_class_that_an_earlier_release_named_as_macos_does_can_be_labelled() -> None:
    assert class_named(clean_label("caf\u00e9"), ["cafe\u0301"]) == "cafe\u0301"


def test_every_class_of_the_starter_can_be_sent_as_a_label() -> None:
    categories = find_backbone("resnet18").weights.meta["categories"]
    assert [class_named(clean_label(name), categories) for name in categories] == categories


def test_names_that_differ_in_more_than_case_and_spaces_are_no_twins() -> None:
    assert first_twins(["a", "b", "ab", "1", "01", "cafe", "caf\u00e9"]) is None
    assert first_twins(["a", "b", "A "]) == ("a", "A ")


@pytest.mark.parametrize(
    "name",
    [
        "bees\u200b",
        "\u202eseeb",
        "a\u2066b\u2069",
        "be\u200des",
        "\ufeffbees",
        "bees\U000e0062",
        "a\u2028b",
        "\u200d",
        "\u3164",
        "ants\ufe0f",
        "1\ufe0f",
        "+\ufe0f",
        "\u2764\ufe0f\ufe0f",
        "\u2764\ufe00",
        "\u115f",
        "\u1160",
        "\u2800",
        "\u2800\ufe0f",
        "\u034f",
        "\u845b\U000e0100",
        "\u180b",
        "\u180f",
        "\u17b4",
        "\u2065",
        "\uffa0",
        "\ufff0",
        "\U000e0fff",
        "\U0001d173",
        "\u3164\u200d\u3164",
    ],
    ids=ascii,
)
def test_what_cannot_be_seen_is_no_part_of_a_name(name: str) -> None:
    assert not is_printable(name)
    with pytest.raises(LabelError, match="an invisible one in"):
        clean_label(f"x{name}x")


@pytest.mark.parametrize(
    "name",
    [
        "نمی\u200cخواهم",
        "क्\u200dष",
        "👩\u200d⚕️",
        "日本 語",
        "red wine",
        "\u2764\ufe0f",
        "\u2764\ufe0e bees",
        "\u203c\ufe0f",
        "1\ufe0f\u20e3",
        "#\ufe0f\u20e3 keys",
        "\U0001f441\ufe0f\u200d\U0001f5e8\ufe0f",
        "한국어",
        "ខ្មែរ",
        "ᠮᠣᠩᠭᠣᠯ",
        "⠃⠑⠑",
    ],
)
def test_joiners_are_right_where_a_script_or_an_emoji_needs_them(name: str) -> None:
    assert clean_label(name) == name
