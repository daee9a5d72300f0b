import pytest

from vision.errors import LabelError
from vision.labels import clean_label


def test_a_label_loses_the_space_around_it_and_is_normalised() -> None:
    assert clean_label(" red wine\t") == "red wine"
    assert clean_label("cafe\u0301") == "caf\u00e9"
    assert clean_label("a" * 200) == "a" * 200


@pytest.mark.parametrize("label", ["", "  ", "a" * 201, "a\nb", "a\0", "\x7f", "\ud800"])
def test_what_is_no_label_is_refused(label: str) -> None:
    with pytest.raises(LabelError):
        clean_label(label)
