"""An artifact is a stored classifier: weights, class names and preprocessing, as safetensors and JSON."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import sha256

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from vision.artifact_description import DESCRIPTION_FILE, FORMAT_VERSION, WEIGHTS_FILE, read_description
from vision.ensemble import as_ensemble
from vision.errors import CorruptArtifactError, UnknownBackboneError
from vision.network import Classifier, build_empty_classifier
from vision.preprocessing import Preprocessing

REFERENCE_FILE = "reference.safetensors"


@dataclass(frozen=True, slots=True)
class Artifact:
    """All that classifying needs.

    Attributes:
        backbone: A name in the zoo.
        class_names: In the order of the logits.
        preprocessing: What the network was trained with.
        state: The classifier's state dict, on the CPU; empty if only the description was read.
        temperature: Logits are divided by it before the softmax; over 0.
        reference: Float16 embeddings (M, D) of held-out images at training time, to which drift is compared.
        num_members: Networks whose probabilities are averaged; more than 1 make it an ensemble.
        num_own_groups: Block groups, counted from the head up, that each member has for itself.
    """

    backbone: str
    class_names: tuple[str, ...]
    preprocessing: Preprocessing
    state: Mapping[str, Tensor]
    temperature: float = 1.0
    reference: Tensor | None = None
    num_members: int = 1
    num_own_groups: int = 1

    def build(self, device: torch.device | str = "cpu", *, shares_weights: bool = False) -> Classifier:
        """Return the classifier with these weights, in evaluation mode.

        Args:
            device: Where the classifier is to be.
            shares_weights: Use the weights themselves on the CPU instead of a copy, if it will never train.

        Raises:
            CorruptArtifactError: The weights do not fit the backbone and the classes.
        """
        self.check()
        classifier = self.build_empty()
        # assign=True uses the tensors themselves, so two classifiers would train into each other.
        state = {name: tensor if shares_weights else tensor.clone() for name, tensor in self.state.items()}
        classifier.load_state_dict(state, assign=True)
        return classifier.to(device).eval()

    def check(self) -> None:
        """Check that it can be built, without the cost of that.

        Raises:
            CorruptArtifactError: The weights do not fit the backbone and the classes.
        """
        with _as_corrupt():
            expected = _expected_shapes(*self._kind)
        _check_state(self.state, expected)

    def build_empty(self) -> Classifier:
        """Return the classifier on torch's meta device: names and shapes without memory.

        Raises:
            CorruptArtifactError: There is no such backbone.
        """
        with _as_corrupt():
            return _without_weights(*self._kind)

    @property
    def _kind(self) -> tuple[str, int, int, int]:
        return self.backbone, len(self.class_names), self.num_members, self.num_own_groups


def to_files(artifact: Artifact) -> dict[str, bytes]:
    """Return the artifact as files by name; the same artifact gives the same bytes."""
    files = {WEIGHTS_FILE: tensors_to_bytes(artifact.state)}
    if artifact.reference is not None:
        files[REFERENCE_FILE] = tensors_to_bytes({"embeddings": artifact.reference.to(torch.float16)})
    description = {
        "format_version": FORMAT_VERSION,
        "backbone": artifact.backbone,
        "class_names": list(artifact.class_names),
        "preprocessing": artifact.preprocessing.to_json(),
        "temperature": artifact.temperature,
        "num_members": artifact.num_members,
        "num_own_groups": artifact.num_own_groups,
        "sha256": {name: sha256(content).hexdigest() for name, content in files.items()},
    }
    text = json.dumps(description, indent=2, sort_keys=True, ensure_ascii=False)
    return {**files, DESCRIPTION_FILE: f"{text}\n".encode()}


def from_files(files: Mapping[str, bytes], *, are_verified: bool = False) -> Artifact:
    """Return the artifact that `to_files` wrote; files of other names are ignored.

    Args:
        files: Contents by name.
        are_verified: The contents were already compared with their SHA-256, as blob stores do.

    Raises:
        CorruptArtifactError: A file is missing, broken, of an unknown format, or belongs to another artifact.
    """
    contents: dict[str, bytes] = {}
    for name, digest in read_description(files)["sha256"].items():
        if name not in files:
            raise CorruptArtifactError(f"Expected {name}, found {sorted(files)}. Restore the artifact.")
        contents[name] = files[name]
        if not are_verified and sha256(contents[name]).hexdigest() != digest:
            raise CorruptArtifactError(f"{name} differs from what {DESCRIPTION_FILE} says. Restore it.")
    reference = None
    if REFERENCE_FILE in contents:
        reference = _tensors(contents, REFERENCE_FILE).get("embeddings")
    artifact = replace(describe(files), state=_tensors(contents, WEIGHTS_FILE), reference=reference)
    artifact.check()
    return artifact


def describe(files: Mapping[str, bytes]) -> Artifact:
    """Return the artifact without its weights and its reference; only the description is read.

    Raises:
        CorruptArtifactError: The description is missing, broken or of an unknown format.
    """
    description = read_description(files)
    return Artifact(
        backbone=description["backbone"],
        class_names=tuple(description["class_names"]),
        preprocessing=Preprocessing.from_json(description["preprocessing"]),
        state={},
        temperature=description["temperature"],
        # Artifacts from before there were ensembles lack these two.
        num_members=description.get("num_members", 1),
        num_own_groups=description.get("num_own_groups", 1),
    )


def _tensors(files: Mapping[str, bytes], name: str) -> dict[str, Tensor]:
    if name not in files:
        raise CorruptArtifactError(f"Expected {name}, found {sorted(files)}. Restore the artifact.")
    try:
        return tensors_from_bytes(files[name])
    except ValueError as error:
        raise CorruptArtifactError(f"{name} can't be read ({error}). Restore the artifact.") from error


@contextmanager
def _as_corrupt() -> Iterator[None]:
    try:
        yield
    except UnknownBackboneError as error:
        raise CorruptArtifactError(f"The artifact can't be built. {error}") from error


def _without_weights(backbone: str, num_classes: int, num_members: int, num_own_groups: int) -> Classifier:
    classifier = build_empty_classifier(backbone, num_classes)
    return as_ensemble(classifier, num_members, num_own_groups) if num_members > 1 else classifier


@lru_cache(maxsize=8)
def _expected_shapes(
    backbone: str, num_classes: int, num_members: int, num_own_groups: int
) -> Mapping[str, torch.Size]:
    state = _without_weights(backbone, num_classes, num_members, num_own_groups).state_dict()
    return {name: tensor.shape for name, tensor in state.items()}


def _check_state(state: Mapping[str, Tensor], expected: Mapping[str, torch.Size]) -> None:
    missing = sorted(expected.keys() - state.keys())
    unknown = sorted(state.keys() - expected.keys())
    misshapen = sorted(name for name in expected.keys() & state.keys() if expected[name] != state[name].shape)
    if missing or unknown or misshapen:
        raise CorruptArtifactError(
            f"The weights do not fit the network: missing {missing[:3]}, unknown {unknown[:3]}, "
            f"of another shape {misshapen[:3]}. Restore the artifact."
        )


def tensors_to_bytes(tensors: Mapping[str, Tensor]) -> bytes:
    """Return tensors of any device as one safetensors file; the same tensors give the same bytes."""
    # Clones, because safetensors refuses tensors that share memory.
    return safetensors.torch.save(
        {name: tensor.detach().cpu().clone().contiguous() for name, tensor in tensors.items()}
    )


def tensors_from_bytes(content: bytes) -> dict[str, Tensor]:
    """Return the tensors of a safetensors file, on the CPU.

    Raises:
        ValueError: The bytes are no such file.
    """
    try:
        return safetensors.torch.load(content)
    except SafetensorError as error:
        raise ValueError(f"expected tensors as safetensors, found other bytes: {error}") from error
