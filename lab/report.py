"""The report of an experiment: one page that loads nothing from elsewhere, and the same as JSON."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from lab.experiment import Conclusion
from lab.outcomes import ArmRuns, Measured, Outcome
from lab.questions import Question
from lab.seeds import RULE
from store.durable import make_folder

_TEMPLATE = Path(__file__).with_name("report.html")


@dataclass(frozen=True, slots=True)
class Report:
    """An experiment with its answer.

    Attributes:
        question: The question that it answers.
        measured: What was measured.
        conclusion: What follows from that.
        setup: How it was done, in sentences.
        notes: What a reader must know before believing the answer.
        seconds: Time of everything together.
    """

    question: Question
    measured: Measured
    conclusion: Conclusion
    setup: tuple[str, ...]
    notes: tuple[str, ...]
    seconds: float

    def to_html(self) -> str:
        """Return the page."""
        environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
        # Charts were escaped when they were drawn; all other text is escaped here.
        environment.filters["drawn"] = Markup
        template = environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
        return template.render(report=self, rule=RULE)

    def to_json(self) -> dict[str, Any]:
        """Return the figures with the conclusion; an infinite or undefined figure is null."""
        images = self.measured.images
        figures: dict[str, Any] = _finite(
            {
                "exercise": self.question.name,
                "question": self.question.text,
                "answer": list(self.conclusion.answer),
                "images": {
                    "name": images.name,
                    "class_names": list(images.class_names),
                    "num_training": len(images.training),
                    "num_test": len(images.test),
                    "num_unlabelled": len(images.unlabelled),
                    "image_size": images.image_size,
                    "guessing": self.measured.guessing(),
                },
                "setup": list(self.setup),
                "notes": list(self.notes),
                "rule": RULE,
                "variants": [_variant(runs) for runs in self.measured.runs],
                "seconds": round(self.seconds, 1),
            }
        )
        return figures

    def write(self, folder: Path) -> tuple[Path, Path]:
        """Write NAME.html and NAME.json into a folder, over older ones, and return their paths."""
        make_folder(folder)
        page, figures = (folder / f"{self.question.name}.{ending}" for ending in ("html", "json"))
        page.write_text(self.to_html(), encoding="utf-8")
        figures.write_text(f"{json.dumps(self.to_json(), indent=2, ensure_ascii=False)}\n", encoding="utf-8")
        return page, figures


def _variant(runs: ArmRuns) -> dict[str, Any]:
    settings = runs.arm.settings
    return {
        "name": runs.name,
        "backbone": settings.backbone,
        "started_from": runs.arm.initial_weights,
        "strategy": "fresh_head" if runs.arm.phases else settings.strategy,
        "augmentation": settings.augmentation,
        "phases": list(runs.arm.phases),
        "learning_rate": settings.learning_rate,
        "optimizer": settings.optimizer,
        "momentum": settings.momentum,
        "epochs": settings.epochs,
        "num_per_class": runs.arm.num_per_class,
        "runs": [_run(outcome) for outcome in runs.outcomes],
    }


def _run(outcome: Outcome) -> dict[str, Any]:
    return {
        "seed": outcome.seed,
        "accuracy": {name: float(right.mean()) for name, right in outcome.right.items()},
        # A digit for each test image, so that the same trainings can answer other questions.
        "right": {name: "".join(map(str, right.astype(int))) for name, right in outcome.right.items()},
        "training_accuracy": outcome.training_accuracy,
        "seconds": round(outcome.seconds, 2),
        "num_trained": outcome.num_trained,
        "milliseconds_an_image": outcome.milliseconds,
        "diverged": outcome.diverged or None,
        "epochs": [asdict(epoch) for epoch in outcome.epochs],
    }


def _finite(value: Any) -> Any:
    """Return the value with null for numbers that JSON does not have."""
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
