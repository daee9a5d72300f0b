"""The gate's checks on new images: the candidate must be better, whoever labels what.

Both models answer a fair draw of live images. Where they agree no label is needed. Where they differ, an
image is won, lost, or neither is right; while nobody labelled it, it counts as lost. So an answer can only
lower p: it may be read after each one, and who answers what can only delay.

Source:
    Renggli et al., "Continuous Integration of Machine Learning Models with ease.ml/ci", MLSys 2019.
"""

from collections import Counter
from dataclasses import asdict

from retrain.gate.mcnemar import fewest_wins, p_better
from retrain.gate.outcomes import NewEvidence, Tally
from retrain.gate.paired_difference import upper_bound
from retrain.gate.settings import GateSettings
from retrain.gate.verdict import Check, Number
from retrain.gate.wording import counted, p_value, percent

_RULE = "Better on new images"
_RULE_SOURCES = "Better without any one source of labels"


def check_new(new: NewEvidence, alpha: float, settings: GateSettings) -> Check:
    """Check whether the candidate is better on new images.

    It fails where the two hardly differ: nothing is worth a swap then. It passes where the exact one-sided
    McNemar test is significant, every unlabelled difference being counted as lost. It fails where the
    candidate can't be better by `min_worth` even if every open question were answered in its favour. Else it
    is open.

    Args:
        new: The evidence.
        alpha: Level of the test.
        settings: The limits.
    """
    tally = new.tally()
    p, needed = p_now(tally), wins_needed(tally, alpha)
    passed: bool | None = None
    bound, note = f"p ≤ {alpha:g}", ""
    if _hardly_differ(tally, settings):
        passed, bound = False, f"differ on {percent(settings.min_differing)} % or more"
    elif p <= alpha:
        passed = True
    elif not _may_be_worth(tally, alpha, settings):
        passed, bound = False, f"may be better by {percent(settings.min_worth)} points"
    else:
        note = _note(tally, needed)
    numbers = {**asdict(tally), "p": p, "alpha": alpha, "wins_needed": needed}
    return Check(
        "new", passed, _RULE, _figure(tally, p), bound, note, is_open=passed is None, numbers=numbers
    )


def check_sources(new: NewEvidence, settings: GateSettings) -> Check:
    """Check that no one source of labels decides alone.

    Where `min_sources` are known, of these labels or of what the candidate learnt, it must be better without
    any one that nobody trusts and that gave `min_source_labels` or more.
    """
    labels = Counter(source for source in new.sources if source is not None)
    num_known = len(labels.keys() | new.learnt_from)
    numbers: dict[str, Number] = {"num_sources": num_known}
    bound = f"p ≤ {settings.alpha_sources:g}"
    if num_known < settings.min_sources:
        few = counted(num_known, "source")
        note = f"not asked, because labels came from {few}, and it takes {settings.min_sources}"
        return Check("sources", None, _RULE_SOURCES, "–", bound, note, numbers=numbers)
    large = [
        source
        for source, num in labels.items()
        if num >= settings.min_source_labels and source not in new.trusted
    ]
    decisive_images = new.where_they_differ()
    without = {source: decisive_images.without(source).tally() for source in large}
    if not without:
        note = f"not asked, because no untrusted source gave {settings.min_source_labels} labels"
        return Check("sources", None, _RULE_SOURCES, "–", bound, note, numbers=numbers)
    decisive = max(without, key=lambda source: p_now(without[source]))
    p = p_now(without[decisive])
    needed = wins_needed(without[decisive], settings.alpha_sources)
    numbers |= {"p": p, "source": decisive, "wins_needed": needed}
    passed = True if p <= settings.alpha_sources else None
    note = "" if passed else f"open, because without the labels of {decisive} it is not proven"
    figure = f"{p_value(p)} without {decisive}"
    return Check(
        "sources", passed, _RULE_SOURCES, figure, bound, note, is_open=passed is None, numbers=numbers
    )


def p_now(tally: Tally) -> float:
    """Return the p-value of "no better", with every unlabelled difference counted as lost."""
    return p_better(tally.num_won, tally.num_lost + tally.num_open)


def wins_needed(tally: Tally, alpha: float) -> int | None:
    """Return how many open questions would decide, answered in the candidate's favour; None if all would not.

    >>> wins_needed(Tally(num_images=200, num_differing=30, num_won=14, num_lost=4, num_open=12), 0.04)
    7
    """
    num = tally.num_won + tally.num_lost + tally.num_open
    more = max(0, int(fewest_wins(num, alpha)) - tally.num_won)
    return more if more <= tally.num_open else None


def _hardly_differ(tally: Tally, settings: GateSettings) -> bool:
    # Fewer images than that can't show so small a share.
    is_shown = tally.num_images * settings.min_differing >= 1
    return is_shown and tally.num_differing < settings.min_differing * tally.num_images


def _may_be_worth(tally: Tally, alpha: float, settings: GateSettings) -> bool:
    at_best = tally.num_won + tally.num_open
    return upper_bound(at_best, tally.num_lost, tally.num_images, alpha) >= settings.min_worth


def _figure(tally: Tally, p: float) -> str:
    if not tally.num_images:
        return "no images"
    answered = f"{tally.num_won} won, {tally.num_lost} lost"
    unlabelled = f", {tally.num_open} unlabelled" if tally.num_open else ""
    num_neither = tally.num_differing - tally.num_won - tally.num_lost - tally.num_open
    neither = f", {num_neither} both wrong" if num_neither else ""
    said = f"{answered}{unlabelled}{neither}, {p_value(p)}"
    return f"differ on {tally.num_differing:,} of {tally.num_images:,}: {said}"


def _note(tally: Tally, needed: int | None) -> str:
    if not tally.num_images:
        return "open, because no fair new images were seen"
    if needed is None:
        return "open, because the two differ on too few images for a proof"
    return (
        f"open, because it takes {needed} more answers for the candidate, of {tally.num_open} open questions"
    )
