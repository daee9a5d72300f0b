"""One of six sources flips all its labels: who is named, and what that costs; prints one JSON line last.

Five sources are honest, one of them sends drifted photographs only. The same round runs three times: with the
flipped labels under one name for all, so that nothing can be done; with each source's own; and without the
flipped ones. What is measured is the candidate, whatever the gate decides.
"""

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.continual.corruptions import CORRUPTIONS, corrupted
from benchmarks.continual.exams import Exams, average
from benchmarks.continual.ours import production_artifact
from benchmarks.loop.users import print_progress
from benchmarks.photographs import DEFAULT_ARCHIVE, Photograph, read_by_class, turns, write_folder
from benchmarks.record import record
from benchmarks.scale.one_round import begin
from benchmarks.sending import send
from benchmarks.serving.filling import state_of
from benchmarks.serving.servers import clean_environment, run_perennial
from perennial.settings.settings import Settings
from retrain.candidate import Candidate, CandidateTraining
from retrain.journal import Journal
from retrain.round import run_round
from store.rounds.log import SOURCES_STEP, read_steps
from vision.artifact import Artifact

IMAGE_SIZE = 48
NUM_INITIAL, NUM_UNSEEN = 2000, 1000
#: One round learns 500 of so many; the others choose and judge.
NUM_FEEDBACK = 740
FLIPPING, DRIFTED, HONEST = "flipping", "drifted", ("ann", "ben", "cara", "dora")
_SHARE = 0.2

Feedback = Mapping[str, Sequence[Photograph]]


@dataclass(frozen=True, slots=True)
class World:
    """What is learnt first, what each source sends, and unseen photographs, ordinary and drifted ones."""

    initial: tuple[Photograph, ...]
    feedback: Feedback
    exams: Mapping[str, tuple[Photograph, ...]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A candidate, and what its round found of the sources."""

    candidate: Artifact
    found: dict[str, Any]


def main() -> None:
    """Measure each seed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--seed", dest="seeds", default=[0], type=lambda text: [int(s) for s in text.split(",")]
    )
    parser.add_argument("--data", type=Path, default=DEFAULT_ARCHIVE)
    arguments = parser.parse_args()
    runs = [_run(make_world(arguments.data, seed), seed) for seed in arguments.seeds]
    figures = {**_summary(runs), "runs": runs}
    record("poison", figures, f"make bench-poison SEED={','.join(map(str, arguments.seeds))}")
    print(json.dumps({name: value for name, value in figures.items() if name != "runs"}))


def make_world(archive: Path, seed: int) -> World:
    """Cut an archive; no picture is in two parts."""
    rng = np.random.default_rng(seed)
    train, test = (read_by_class(archive, part, rng) for part in ("train", "test"))
    corruption = list(CORRUPTIONS)[seed % len(CORRUPTIONS)]
    names = sorted(train)
    sent = list(turns(train, NUM_INITIAL, NUM_INITIAL + NUM_FEEDBACK))
    order = [sent[index] for index in rng.permutation(len(sent))]
    num_flipped = round(_SHARE * len(order))
    flipped = tuple(
        replace(each, label=names[(names.index(each.label) + rng.integers(1, len(names))) % len(names)])
        for each in order[:num_flipped]
    )
    others = [order[num_flipped:][start :: len(HONEST) + 1] for start in range(len(HONEST) + 1)]
    drifted = tuple(corrupted(each, corruption, rng) for each in others[0])
    unseen = turns(test, 0, NUM_UNSEEN)
    return World(
        initial=turns(train, 0, NUM_INITIAL),
        feedback={FLIPPING: flipped, DRIFTED: drifted, **dict(zip(HONEST, others[1:], strict=True))},
        exams={"ordinary": unseen, "drifted": tuple(corrupted(each, corruption, rng) for each in unseen)},
    )


def _run(world: World, seed: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="perennial-poison-") as folder:
        start = Path(folder) / "start"
        _train(world.initial, start)
        honest = {name: sent for name, sent in world.feedback.items() if name != FLIPPING}
        # Under one name for all there is nobody to compare.
        merged = {"everybody": [each for sent in world.feedback.values() for each in sent]}
        outcomes = {
            name: _round(start, Path(folder) / name, feedback)
            for name, feedback in (("nothing", merged), ("product", world.feedback), ("without", honest))
        }
        with state_of({"PERENNIAL_HOME": str(start)}) as state:
            champion = production_artifact(state)
    exams = Exams(champion, world.exams)
    accuracy = {"champion": exams.accuracies(champion.build())}
    accuracy |= {name: exams.accuracies(each.candidate.build()) for name, each in outcomes.items()}
    found = outcomes["product"].found
    run = {
        "seed": seed,
        "named": [each["source"] for each in found["sources"] if each["is_named"]],
        "named_without": [e["source"] for e in outcomes["without"].found["sources"] if e["is_named"]],
        "share_doubtful": {each["source"]: round(each["share_doubtful"], 3) for each in found["sources"]},
        "num_left_out": found["num_left_out"],
        "accuracy": accuracy,
        "average": {name: average(of_exam) for name, of_exam in accuracy.items()},
    }
    print_progress(json.dumps(run))
    return run


def _summary(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    num_honest = sum(len(set(run["named"]) - {FLIPPING}) + len(run["named_without"]) for run in runs)
    averages = {
        name: round(sum(run["average"][name] for run in runs) / len(runs), 2) for name in runs[0]["average"]
    }
    return {
        "poisoner_named": sum(FLIPPING in run["named"] for run in runs) / len(runs),
        "honest_named": num_honest,
        "accuracy": averages,
        "loss_with_nothing_done_pp": round(averages["without"] - averages["nothing"], 2),
        "loss_pp": round(averages["without"] - averages["product"], 2),
    }


def _train(photographs: Sequence[Photograph], home: Path) -> None:
    images = home.with_name("images")
    write_folder(photographs, images)
    environment = clean_environment() | {"PERENNIAL_HOME": str(home)}
    run_perennial(
        environment, "train", str(images), "--weights", "bundled", "--image-size", str(IMAGE_SIZE),
        "--strategy", "linear_probe",
    )  # fmt: skip


def _round(start: Path, home: Path, feedback: Feedback) -> Outcome:
    """Send feedback to a copy of a home, run the product's own round there, and return its candidate."""
    shutil.copytree(start, home)
    begun = time.perf_counter()
    trained: list[Candidate] = []
    usual = CandidateTraining.candidate

    def kept(self: CandidateTraining) -> Candidate:
        # The gate may reject it, and then nothing stores it.
        trained.append(usual(self))
        return trained[-1]

    CandidateTraining.candidate = kept  # type: ignore[method-assign]  # for this one round
    try:
        with state_of({"PERENNIAL_HOME": str(home)}) as state:
            for source, photographs in feedback.items():
                send(state, photographs, source=source)
            champion = production_artifact(state)
            round_id, fencing = state.database.write(begin)
            settings = Settings.load({"home": home}).round()
            run_round(state, settings, Journal(state.database, round_id, fencing))
            with state.database.read() as connection:
                steps = read_steps(connection, round_id)
    finally:
        CandidateTraining.candidate = usual  # type: ignore[method-assign]  # as it was
    found: dict[str, Any] = next(
        (step.detail for step in steps if step.step == SOURCES_STEP), {"sources": []}
    )
    print_progress(f"{home.name}: {time.perf_counter() - begun:.0f} s, {found.get('sentence', '')}")
    return Outcome(replace(champion, state=trained[0].weights), found)


if __name__ == "__main__":
    main()
