"""One simulated round, from a candidate to production, through the rules that the product calls."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch

from benchmarks.gate.worlds import Answers, Flags, Live, Rng, Users, World
from retrain.blend_choice import BlendSearch
from retrain.cures import Cure, diagnose
from retrain.evidence.pool import MAX_QUESTIONS, Candidate, order_pool, pool_size
from retrain.gate.classes import classes_in_doubt
from retrain.gate.gate import judge, judge_again
from retrain.gate.old_evidence import margin_for
from retrain.gate.outcomes import UNLABELLED, NewEvidence, OldEvidence, Outcomes
from retrain.gate.settings import GateSettings
from retrain.gate.verdict import Verdict
from retrain.settings import RoundSettings
from store.samples.clusters import join, near_pairs

ROUND = RoundSettings()
_NUM_LEARNT = 30
_RIGHT, _WRONG = 0, 1


@dataclass(frozen=True, slots=True)
class Ended:
    """How a round ended.

    Attributes:
        share: Of the candidate, what took production; 0 where nothing did.
        num_answered: Questions that were answered.
    """

    share: float
    num_answered: int


@dataclass(frozen=True, slots=True)
class SimulatedRound:
    """A round in a world.

    Attributes:
        world: What it meets.
        users: Who answers questions.
        rng: Draws.
        settings: The gate's limits.
        max_questions: Open questions with which the pool ends.
    """

    world: World
    users: Users
    rng: Rng
    settings: GateSettings = ROUND.gate
    max_questions: int = MAX_QUESTIONS

    def run(self) -> Ended:
        """Choose a blend on validation, judge it, and judge a second candidate where that may help."""
        search = self._search()
        chosen = search.choose().weight
        first, num_answered = self._attempt(chosen, 1, ())
        diagnosis = diagnose(first, "full")
        if first.decision == "passed" or diagnosis is None or diagnosis.cure is None:
            return Ended(chosen if first.decision == "passed" else 0.0, num_answered)
        cured, share = self._cured(diagnosis.cure, search, chosen)
        second, num_more = cured._attempt(share, 2, [int(name) for name in first.lost_classes])
        return Ended(share if second.decision == "passed" else 0.0, num_answered + num_more)

    def _cured(self, cure: Cure, search: BlendSearch, share: float) -> tuple["SimulatedRound", float]:
        if cure == "half_blend":
            return self, search.smaller_share(share)
        longer = replace(self, world=self.world.longer or self.world)
        return longer, longer._search().choose().weight

    def _search(self) -> BlendSearch:
        new, old = self.world.validation_new, self.world.validation_old
        return BlendSearch(
            ROUND.blends,
            lambda share: torch.from_numpy(np.concatenate([new.blended(share), old.blended(share)])),
            champion_right=torch.from_numpy(np.concatenate([new.champion, old.champion])),
            is_new=torch.arange(len(new) + len(old)) < len(new),
            max_flips=self.settings.max_negative_flips,
        )

    def _attempt(self, share: float, attempt: int, lost_before: Collection[int]) -> tuple[Verdict, int]:
        new = _in_order(self.world.new)
        differs = new.answers.champion != new.answers.blended(share)
        size = pool_size(differs & ~new.is_labelled, self.max_questions)
        pool = new.chosen(np.arange(len(new) if size is None else size))
        verdict = judge(
            self._old(share, lost_before),
            evidence(pool, share, pool.is_labelled),
            alpha=self.settings.alpha_new(attempt),
            margin=margin_for(len(self.world.golden)),
            calibration=None,
            class_names=[str(number) for number in range(self.world.num_classes)],
            settings=self.settings,
        )
        return self._answered(verdict, pool, share)

    def _old(self, share: float, lost_before: Collection[int]) -> OldEvidence:
        world = self.world
        golden = outcomes(world.golden, share, "golden")
        doubtful = classes_in_doubt(golden, world.num_classes, self.settings, lost_before)
        anchor = world.anchor
        return OldEvidence(
            golden,
            tuple(outcomes(part, share, f"round-{number}") for number, part in enumerate(world.slices)),
            None if anchor is None else Outcomes(anchor, golden.candidate_right, golden.labels, "golden"),
            learnt={label: self._on_learnt(label, share) for label in doubtful},
        )

    def _on_learnt(self, label: int, share: float) -> Outcomes:
        """Draw what both answer on learnt images of a class, which both know better than others."""
        champion = self.rng.random(_NUM_LEARNT) < 0.95
        candidate = champion & (self.rng.random(_NUM_LEARNT) < 0.98)
        if label in self.world.forgotten:
            candidate = np.zeros(_NUM_LEARNT, dtype=np.bool_)
        own = Answers(champion, candidate, self.rng.random(_NUM_LEARNT), np.full(_NUM_LEARNT, label))
        return outcomes(own, share, "learnt")

    def _answered(self, verdict: Verdict, pool: Live, share: float) -> tuple[Verdict, int]:
        """Let people answer open questions one by one, in any order, until the verdict is given."""
        differs = pool.answers.champion != pool.answers.blended(share)
        questions = self.rng.permutation(np.flatnonzero(differs & ~pool.is_labelled))
        is_labelled, num_answered = pool.is_labelled.copy(), 0
        for question in questions[: round(self.users.answering * len(questions))]:
            if verdict.decision != "awaiting_labels":
                break
            is_labelled[question] = True
            num_answered += 1
            verdict = judge_again(verdict, evidence(pool, share, is_labelled), self.settings)
        return verdict, num_answered


def promote(world: World, users: Users, rng: Rng) -> float:
    """Return the share of the candidate that takes production, 0 where none does."""
    return SimulatedRound(world, users, rng).run().share


def outcomes(answers: Answers, share: float, name: str) -> Outcomes:
    """Return production's and a blend's outcomes."""
    return Outcomes(answers.champion, answers.blended(share), answers.labels, name)


def evidence(pool: Live, share: float, is_labelled: Flags) -> NewEvidence:
    """Return the evidence on a blend, where these images have a label."""
    # All wrong answers to an image are the same one: a difference is one right and one wrong answer.
    return NewEvidence(
        np.where(pool.answers.champion, _RIGHT, _WRONG),
        np.where(pool.answers.blended(share), _RIGHT, _WRONG),
        np.where(is_labelled, _RIGHT, UNLABELLED),
        tuple(
            name if known else None for name, known in zip(pool.sources, is_labelled.tolist(), strict=True)
        ),
    )


def _in_order(new: Live) -> Live:
    return new.chosen(np.array(pool_order(tuple(new.sources.tolist()), new.phashes), dtype=np.int64))


@lru_cache(maxsize=100)
def pool_order(sources: tuple[str, ...], phashes: tuple[int, ...] | None) -> list[int]:
    """Return the images of a pool in their order; their draw is their rank."""
    clusters = range(len(sources)) if phashes is None else join(len(sources), near_pairs(phashes))
    ranked = enumerate(zip(sources, clusters, strict=True))
    ordered = order_pool(Candidate(str(n), n, source, cluster) for n, (source, cluster) in ranked)
    return [image.rank for image in ordered]
