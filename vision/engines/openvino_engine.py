"""Runs networks by OpenVINO on the CPU: converts, stores, compiles and calls them."""

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

# OpenVINO's name for the type of the layers in floating point; in int8 those are the head and the ends.
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
    """Runs a network that OpenVINO has compiled; `build_engine` makes one."""

    def __init__(self, compiled: Any, precision: Precision) -> None:
        """Use an `openvino.CompiledModel`."""
        self.name = f"OpenVINO in {precision}"
        self._compiled = compiled
        # One thread uses a request at a time; there are never more than threads that call.
        self._requests: deque[Any] = deque()

    def export(self) -> bytes:
        """Return the network as compiled for processors of this kind and this release of OpenVINO."""
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


def build_engine(network: Any, precision: Precision, threads: Threads) -> OpenVinoEngine:
    """Return an engine for this machine's processor.

    Args:
        network: An `openvino.Model`, which is compiled here; or the bytes of another engine's `export`, which
            take a third of the time.
        precision: What it computes in.
        threads: How it computes.

    Raises:
        EngineUnavailableError: OpenVINO is not installed, or refuses the network.
    """
    properties = {
        "INFERENCE_PRECISION_HINT": _HINTS[precision],
        "NUM_STREAMS": threads.num_streams,
        "INFERENCE_NUM_THREADS": threads.num_threads,
        # Pinning would move the calling thread to a core of its choice: 56 instead of 65 images a second.
        "ENABLE_CPU_PINNING": False,
    }
    is_exported = isinstance(network, bytes)
    try:
        core = openvino().Core()
        load = core.import_model if is_exported else core.compile_model
        return OpenVinoEngine(load(network, "CPU", properties), precision)
    except RuntimeError as error:
        expected = "compiled network that OpenVINO reads" if is_exported else "network that OpenVINO can run"
        remedy = "" if is_exported else " Use PERENNIAL_ENGINE=torch."
        message = f"Expected a {expected}, it refuses this one ({error}).{remedy}"
        raise EngineUnavailableError(message) from error


def openvino() -> Any:
    """Return the module, with its reports of usage off.

    Raises:
        EngineUnavailableError: It is not installed.
    """
    # OpenVINO and NNCF report to their makers over the network what is imported and converted, unless the
    # package that reports can't be imported.
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
