import pytest

from vision.training.schedule import rate_at


def test_the_step_schedule_falls_to_a_tenth_every_seven_epochs() -> None:
    rates = [rate_at("step", step, 60, 15) for step in range(60)]
    assert rates[:28] == [1.0] * 28
    assert rates[28:56] == pytest.approx([0.1] * 28)
    assert rates[56:] == pytest.approx([0.01] * 4)


def test_the_cosine_schedule_rises_then_falls_to_nothing() -> None:
    rates = [rate_at("cosine", step, 100, 5) for step in range(100)]
    assert rates[:10] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
    assert rates[10] == pytest.approx(1.0)
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert 0 < rates[-1] < 0.001
    assert [rate_at("cosine", step, 1, 1) for step in range(1)] == [1.0]


def test_the_constant_schedule_stays() -> None:
    assert {rate_at("constant", step, 9, 3) for step in range(9)} == {1.0}


def test_the_warm_up_schedule_starts_very_small_and_rises_over_more_than_half_the_run() -> None:
    rates = [rate_at("warm_up", step, 100, 5) for step in range(100)]
    assert rates[0] == pytest.approx(0.01)
    assert rates[30] == pytest.approx(0.1)
    assert rates[60] == pytest.approx(1.0)
    assert rates[:61] == sorted(rates[:61])
    assert rates[60:] == sorted(rates[60:], reverse=True)
    assert 0 < rates[-1] < 0.01
