import pytest

from vision.ensemble import as_ensemble
from vision.network import build_classifier
from vision.timing import milliseconds_an_image


@pytest.mark.slow
def test_eight_networks_take_longer_than_one() -> None:
    one = build_classifier("resnet18", 2).eval()
    eight = as_ensemble(build_classifier("resnet18", 2), 8, 6).eval()
    for batch_size in (1, 4):
        of_one, of_eight = milliseconds_an_image([one, eight], 32, batch_size)
        # It should take eight times as long, apart from noise and caches.
        assert 2 * of_one < of_eight
