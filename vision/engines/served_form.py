"""Makes and reads the portable form in which a version is judged and served on CPUs."""

import logging
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args

import torch
from torch import Tensor

from vision.artifact import Artifact
from vision.batches import LabelledTensors
from vision.engines.engine import Engine
from vision.engines.kind import MODEL_FILE, MODEL_WEIGHTS_FILE, Precision, PrecisionKind
from vision.engines.openvino_engine import (
    OpenVinoEngine,
    Threads,
    build_engine,
    convert,
    from_bytes,
    to_bytes,
)
from vision.engines.processor import MIN_IMAGE_SIZE, has_dot_product, precisions_to_try
from vision.engines.quantization import quantize
from vision.errors import EngineUnavailableError

#: Images on which a form is calibrated and compared with float32, at most.
NUM_CALIBRATION_IMAGES = 300
#: Share of answers that may differ from float32's; one answer always may.
MAX_CHANGED = 0.03

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ServedForm:
    """A network in OpenVINO's format.

    Attributes:
        model: An `openvino.Model`.
        precision: What it computes in; a processor without bfloat16 computes such a form in float32.
        needs_dot_product: It holds full 8-bit weights, whose sums overflow on processors that lack it.
        share_changed: Share of the answers on the calibration images that differ from float32's.
    """

    model: Any
    precision: Precision
    needs_dot_product: bool = False
    share_changed: float = 0.0

    def engine(self, threads: Threads) -> OpenVinoEngine:
        """Return an engine that runs it.

        Raises:
            EngineUnavailableError: OpenVINO can't compile it.
        """
        return build_engine(self.model, self.precision, threads)

    def runs_here(self) -> bool:
        """Return whether this machine's processor gives the answers that the form was judged by."""
        return has_dot_product() or not self.needs_dot_product

    def to_files(self) -> dict[str, bytes]:
        """Return it as files by name; its description is stored inside the model's."""
        self.model.set_rt_info(self.precision, ["perennial", "precision"])
        self.model.set_rt_info(str(self.needs_dot_product), ["perennial", "needs_dot_product"])
        self.model.set_rt_info(str(self.share_changed), ["perennial", "share_changed"])
        description, weights = to_bytes(self.model)
        return {MODEL_FILE: description, MODEL_WEIGHTS_FILE: weights}


def read_form(files: Mapping[str, bytes]) -> ServedForm | None:
    """Return the form that a version's files hold; None if they hold none.

    Raises:
        EngineUnavailableError: OpenVINO is not installed, or can't read it.
    """
    if MODEL_FILE not in files or MODEL_WEIGHTS_FILE not in files:
        return None
    model = from_bytes(files[MODEL_FILE], files[MODEL_WEIGHTS_FILE])
    notes = {
        name: model.get_rt_info(["perennial", name]).astype(str)
        for name in ("precision", "needs_dot_product", "share_changed")
    }
    precision: Precision = notes["precision"]
    if precision not in get_args(Precision):
        raise EngineUnavailableError(f"Expected one of {get_args(Precision)}, found {precision!r}.")
    return ServedForm(model, precision, notes["needs_dot_product"] == "True", float(notes["share_changed"]))


def make_form(
    artifact: Artifact,
    images: LabelledTensors,
    precision: PrecisionKind,
    threads: Threads,
    unseen: Tensor | None = None,
    like: Precision | None = None,
) -> ServedForm:
    """Return the fastest form of an artifact on this machine that hardly changes the artifact's answers.

    Args:
        artifact: The one that will be judged and served.
        images: Prepared ones that nothing is judged on, `spread_evenly`; without images it stays in float32.
        precision: "auto", or "float32" to round nothing.
        threads: For comparing answers.
        unseen: Logits (N, C) of the images by heads that have not learnt from them; None if the artifact has
            not either. A head is so sure of images that it has learnt that rounding changes none of their
            answers.
        like: Precision of the version that this one came from: a faster one was refused for that, and is not
            tried again. With None or "float32" all are tried.

    Raises:
        EngineUnavailableError: OpenVINO is not installed, or can't convert the network.
    """
    size = artifact.preprocessing.image_size
    exact = ServedForm(convert(artifact.build(shares_weights=True), size), "float32")
    if precision == "float32" or size < MIN_IMAGE_SIZE or len(images) == 0:
        return exact
    for lower_precision in _from(like, precisions_to_try()):
        try:
            form = _rounded(exact, images, lower_precision)
            num_changed = _num_changed(exact.engine(threads), form.engine(threads), images, unseen)
        except EngineUnavailableError as error:
            _log.warning("this version is not served in %s: %s", lower_precision, error)
            continue
        # Of few images a single one may exceed the share, and says nothing yet.
        if num_changed <= max(1, MAX_CHANGED * len(images)):
            return replace(form, share_changed=num_changed / len(images))
        _log.warning(
            "this version is not served in %s: %d of %d answers change, %g %% may",
            lower_precision,
            num_changed,
            len(images),
            100 * MAX_CHANGED,
        )
    return exact


def _from(first: Precision | None, precisions: Sequence[Precision]) -> Sequence[Precision]:
    return precisions[precisions.index(first) :] if first in precisions else precisions


def spread_evenly(groups: Sequence[Hashable], num: int = NUM_CALIBRATION_IMAGES) -> list[int]:
    """Return at most `num` indices, equally many of each group if it has enough, evenly spaced within it.

    >>> spread_evenly(["ant", "ant", "ant", "ant", "bee"], 3)
    [0, 2, 4]
    """
    members = defaultdict(list)
    for index, group in enumerate(groups):
        members[group].append(index)
    chosen: list[int] = []
    # The smallest group first: the larger ones make up for what it lacks.
    for number, indices in enumerate(sorted(members.values(), key=len)):
        share = min(len(indices), (num - len(chosen)) // (len(members) - number))
        chosen += [indices[step * len(indices) // share] for step in range(share)]
    return sorted(chosen)


def _rounded(exact: ServedForm, images: LabelledTensors, precision: Precision) -> ServedForm:
    if precision != "int8":
        return replace(exact, precision=precision)
    is_full = has_dot_product()
    return ServedForm(quantize(exact.model, images, has_dot_product=is_full), precision, is_full)


def _num_changed(exact: Engine, rounded: Engine, images: LabelledTensors, unseen: Tensor | None) -> int:
    """Return how many images change their class by rounding; those of `unseen` logits if they are given."""
    num_changed = 0
    for index in range(len(images)):
        image = images[index][0].unsqueeze(0)
        before, after = exact(image)[0], rounded(image)[0]
        if unseen is not None:
            before, after = unseen[index : index + 1], unseen[index : index + 1] + (after - before)
        num_changed += int(not torch.equal(before.argmax(dim=1), after.argmax(dim=1)))
    return num_changed
