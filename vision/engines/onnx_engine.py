"""ONNX Runtime on the CPU: a version's network exported once, then run without torch."""

import logging
import warnings
from typing import Any

import torch
from torch import Tensor

from vision.engines.engine import Answering
from vision.errors import EngineUnavailableError
from vision.network import Classifier

_INPUT, _OUTPUTS = "images", ["logits", "embeddings"]


class OnnxEngine:
    """Runs an exported classifier."""

    name = "onnxruntime"

    def __init__(self, exported: bytes) -> None:
        """Load what `export` gave.

        Raises:
            EngineUnavailableError: ONNX Runtime is not installed, or can't read this.
        """
        runtime = _runtime()
        options = runtime.SessionOptions()
        # In the caller's thread: several calls side by side share the cores without waiting for each other.
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        try:
            self._session = runtime.InferenceSession(exported, options, providers=["CPUExecutionProvider"])
        except Exception as error:
            # The runtime's own exceptions share no base but Exception.
            raise EngineUnavailableError(
                f"Expected an exported network that ONNX Runtime {runtime.__version__} reads, it "
                f"refuses this one ({error}). Use PERENNIAL_ENGINE=torch."
            ) from error

    def __call__(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits (N, C) and embeddings (N, D) of images (N, 3, H, W), float32."""
        logits, embeddings = self._session.run(_OUTPUTS, {_INPUT: images.contiguous().numpy()})
        return torch.from_numpy(logits), torch.from_numpy(embeddings)


def export(classifier: Classifier, images: Tensor) -> bytes:
    """Return a classifier as an ONNX model of any batch size.

    Args:
        classifier: In evaluation mode, on the CPU.
        images: Some of its inputs (N, 3, H, W); the first two are enough.

    Raises:
        EngineUnavailableError: The exporter is not installed, or the network can't be exported.
    """
    answering = Answering(classifier).eval()
    # The exporter tells of its own deprecated parts and of every step.
    for name in ("torch.onnx", "onnx_ir", "onnxscript"):
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), torch.inference_mode():
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                answering,
                (images[:2],),
                dynamo=True,
                verbose=False,
                input_names=[_INPUT],
                output_names=_OUTPUTS,
                dynamic_shapes=({0: torch.export.Dim("num_images", min=1, max=4096)},),
            )
            exported: bytes = program.model_proto.SerializeToString()  # type: ignore[union-attr]  # None comes only where a report is asked for
    except Exception as error:
        # Exporters fail in many ways, each with a class of its own; all mean that torch serves.
        raise EngineUnavailableError(
            f"Expected a network that can be exported to ONNX, {classifier.backbone_name} can't be ({error})."
        ) from error
    return exported


def _runtime() -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise EngineUnavailableError(
            "Expected ONNX Runtime for this engine, it is not installed. Install 'perennial[onnx]', or use "
            "PERENNIAL_ENGINE=torch."
        ) from error
    return onnxruntime
