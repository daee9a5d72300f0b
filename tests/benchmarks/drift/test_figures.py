import pytest

from benchmarks.drift.errors import ErrorOutcome
from benchmarks.drift.figures import change_figures, error_figures, steady_figures
from benchmarks.drift.outcomes import Named, Outcome


def test_false_alarms_are_a_share_of_the_declared_ones() -> None:
    figures = steady_figures([Outcome(1, 10_000), Outcome(3, 10_000)], declared=5000)
    assert figures["false_alarms_per_declared"] == 1.0
    # The 95 % interval of a Poisson count of four is 1.09 to 10.24, of four that are declared.
    assert figures["interval"] == pytest.approx([0.272, 2.56], abs=0.005)


def test_a_stream_without_an_alarm_counts_as_not_detected() -> None:
    named = Named(kind=True, top_class=False, precision=0.9, num_witnesses=20, since_error=4)
    late = Outcome(0, 1000, 400, "classes 200", named, named)
    soon = Outcome(0, 1000, 100, "classes 50", named, named)
    figures = change_figures([soon, late, Outcome(0, 1000)], within=300)
    assert figures["detected_at_300"] == pytest.approx(1 / 3, abs=0.001)
    assert figures["delay_median"] == 250
    assert figures["at_once"] == {
        "kind_named": 1,
        "class_named_top1": 0,
        "precision_at_20": 0.9,
        "witnesses_mean": 20,
        "since_error_median": 4,
    }


def test_no_class_is_asked_for_where_none_in_particular_moved() -> None:
    named = Named(kind=True, top_class=None, precision=1, num_witnesses=9, since_error=0)
    figures = change_figures([Outcome(0, 1000, 30, "embeddings 50", named, named)], within=300)
    assert figures["at_once"]["class_named_top1"] is None


def test_delays_of_errors_have_their_median_and_alarms_their_rate() -> None:
    figures = error_figures([ErrorOutcome(0, 100), ErrorOutcome(2, 200), ErrorOutcome(1, 120)], 15_000)
    assert figures["delay_10_to_20_median"] == 120
    assert figures["false_alarms_per_declared"] == 1.0
