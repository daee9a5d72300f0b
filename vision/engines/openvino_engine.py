"""OpenVINO on the CPU: a network converted once, stored in OpenVINO's own format, compiled where it runs."""

import sys
import tempfile
import warnings
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vision.engines.engine import Answering
from vision.engines.kind import Precision
from vision.errors import EngineUnavailableError
from vision.network import Classifier

# As OpenVINO calls what is left in floating point; in int8 that is the head and the ends.
_HINTS: dict[Precision, str] = {"float32": "f32", "bfloat16": "bf16", "int8": "f32"}


@dataclass(frozen=True, slots=True)
class Threads:
    """How an engine computes.

    Attributes:
        num_streams: Calls that run side by side, each in its caller's thread.
        num_threads: Of all streams together.
    """

    num_streams: int = 1
    num_threads: int = 1


class OpenVinoEngine:
    """Runs a network that OpenVINO has compiled; `compiled` and `imported` give one."""

    def __init__(self, compiled: Any, precision: Precision) -> None:
        """Take an `openvino.CompiledModel` over."""
        self.name = f"OpenVINO in {precision}"
        self._compiled = compiled
        # Each is used by one thread at a time; there are soon as many as threads that call.
        self._requests: deque[Any] = deque()

    def export(self) -> bytes:
        """Return what `imported` takes, on processors of this kind, with this release of OpenVINO."""
        exported = self._compiled.export_model()
        return exported if isinstance(exported, bytes) else bytes(exported.getvalue())

    def __call__(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits (N, C) and embeddings (N, D) of images (N, 3, H, W), float32."""
        request = self._requests.pop() if self._requests else self._compiled.create_infer_request()
        try:
            request.infer([images.contiguous().numpy()], share_inputs=True)
            logits, embeddings = (
                torch.from_numpy(np.array(tensor.data)) for tensor in request.output_tensors
            )
            return logits, embeddings
        finally:
            self._requests.append(request)


def compiled(model: Any, precision: Precision, threads: Threads) -> OpenVinoEngine:
    """Return what runs an `openvino.Model`, compiled for this machine's processor.

    Raises:
        EngineUnavailableError: OpenVINO is not installed, or can't compile it.
    """
    try:
        found = openvino().Core().compile_model(model, "CPU", _properties(precision, threads))
    except RuntimeError as error:
        raise EngineUnavailableError(
            f"Expected a network that OpenVINO can run, it refuses this one ({error}). "
            "Use PERENNIAL_ENGINE=torch."
        ) from error
    return OpenVinoEngine(found, precision)


def imported(exported: bytes, precision: Precision, threads: Threads) -> OpenVinoEngine:
    """Return what an engine's `export` gave, in a third of the time that it takes to compile.

    Raises:
        EngineUnavailableError: OpenVINO is not installed, or can't read this.
    """
    try:
        found = openvino().Core().import_model(exported, "CPU", _properties(precision, threads))
    except RuntimeError as error:
        raise EngineUnavailableError(
            f"Expected a compiled network that OpenVINO reads, it refuses this one ({error})."
        ) from error
    return OpenVinoEngine(found, precision)


def _properties(precision: Precision, threads: Threads) -> dict[str, Any]:
    return {
        "INFERENCE_PRECISION_HINT": _HINTS[precision],
        "NUM_STREAMS": threads.num_streams,
        "INFERENCE_NUM_THREADS": threads.num_threads,
        # It would move a thread that calls to a core of its choice: 56 instead of 65 images a second.
        "ENABLE_CPU_PINNING": False,
    }


def openvino() -> Any:
    """Return the module, with its reports of usage off.

    Raises:
        EngineUnavailableError: It is not installed.
    """
    # OpenVINO and NNCF tell their makers over the network what is imported and converted, unless they don't
    # find the package that tells.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # documented: not to be imported
    try:
        import openvino
    except ImportError as error:
        raise EngineUnavailableError(
            "Expected OpenVINO for this engine, it is not installed. Install 'openvino', or use "
            "PERENNIAL_ENGINE=torch."
        ) from error
    return openvino


def convert(classifier: Classifier, image_size: int) -> Any:
    """Return a classifier, in evaluation mode on the CPU, as an `openvino.Model` for batches of any size.

    Raises:
        EngineUnavailableError: OpenVINO is not installed, or can't convert the network.
    """
    runtime = openvino()
    example = torch.zeros(2, 3, image_size, image_size)
    try:
        # The tracer warns of what depends on shapes, which stay as they are.
        with warnings.catch_warnings(), torch.inference_mode():
            warnings.simplefilter("ignore")
            model = runtime.convert_model(Answering(classifier).eval(), example_input=example)
        model.reshape([-1, 3, image_size, image_size])
    except Exception as error:
        # Its own exceptions share no base but this one.
        raise EngineUnavailableError(
            f"Expected a network that OpenVINO can convert, {classifier.backbone_name} can't be ({error})."
        ) from error
    return model


def to_bytes(model: Any) -> tuple[bytes, bytes]:
    """Return an `openvino.Model` in OpenVINO's format: the description (XML) and the weights."""
    with tempfile.TemporaryDirectory(prefix="perennial-openvino-") as folder:
        file = Path(folder) / "model.xml"
        openvino().save_model(model, file, compress_to_fp16=False)
        return file.read_bytes(), file.with_suffix(".bin").read_bytes()


def from_bytes(description: bytes, weights: bytes) -> Any:
    """Return the `openvino.Model` that `to_bytes` wrote.

    Raises:
        EngineUnavailableError: OpenVINO is not installed, or can't read it: it may be of a later release.
    """
    runtime = openvino()
    try:
        content = runtime.Tensor(np.frombuffer(weights, np.uint8))
        return runtime.Core().read_model(description, content)
    except RuntimeError as error:
        raise EngineUnavailableError(
            f"Expected a network that OpenVINO {runtime.__version__} reads, it refuses this one ({error})."
        ) from error
