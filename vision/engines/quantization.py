"""Rounds networks to 8-bit integers after training, by NNCF, which OpenVINO's makers maintain."""

import contextlib
import io
import logging
import os
from typing import Any

from vision.batches import LabelledTensors
from vision.engines.openvino_engine import openvino
from vision.errors import EngineUnavailableError


def quantize(model: Any, images: LabelledTensors, *, has_dot_product: bool) -> Any:
    """Return an `openvino.Model` in 8-bit integers.

    Each output channel has its own scale for the weights. The range of an activation goes from its smallest
    to its largest value on the images. NNCF's defaults, which cut ranges and correct biases, change five
    times as many answers (`docs/measurements/precision.md`).

    Args:
        model: In float32; it is left as it is.
        images: A few hundred prepared ones, as various as those that will be classified.
        has_dot_product: Whether the processor adds up full 8-bit products exactly; else weights keep to 7
            bits, so that sums of two fit 16.

    Raises:
        EngineUnavailableError: OpenVINO or NNCF is not installed, or NNCF can't quantize the network.
    """
    openvino()
    # Else NNCF reports to its makers, also without the package that `openvino()` blocks.
    os.environ.setdefault("NNCF_CI", "1")
    try:
        # NNCF prints its progress on the terminal.
        with contextlib.redirect_stdout(io.StringIO()):
            return _quantize(model, images, has_dot_product=has_dot_product)
    except Exception as error:
        # A missing package, or one of NNCF's exceptions, which share no base but this one.
        raise EngineUnavailableError(
            f"Expected a network that NNCF can quantize, this one can't be ({error!r})."
        ) from error


def _quantize(model: Any, images: LabelledTensors, *, has_dot_product: bool) -> Any:
    # NNCF imports torch's tools for building extensions, which warn if there is no CUDA to build with.
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)
    # Imported here, since it takes two seconds and is needed for quantisation alone.
    import nncf
    from nncf.quantization import advanced_parameters as advanced
    from nncf.quantization import range_estimator as ranges

    nncf.set_log_level(logging.ERROR)
    lowest, highest = (
        ranges.StatisticsCollectorParameters(statistics_type=kind, aggregator_type=aggregator)
        for kind, aggregator in (
            (ranges.StatisticsType.MIN, ranges.AggregatorType.MIN),
            (ranges.StatisticsType.MAX, ranges.AggregatorType.MAX),
        )
    )
    return nncf.quantize(
        model,
        nncf.Dataset(range(len(images)), lambda index: images[index][0].unsqueeze(0).numpy()),
        # Activations get a zero point where they are not all positive.
        preset=nncf.QuantizationPreset.MIXED,
        subset_size=len(images),
        advanced_parameters=advanced.AdvancedQuantizationParameters(
            overflow_fix=advanced.OverflowFix.DISABLE if has_dot_product else advanced.OverflowFix.ENABLE,
            # Rounding shifts what a layer gives on average. Undone, embeddings are off by 18 instead of
            # 22 % of their spread (EfficientNet-Lite0 on ants and bees, docs/measurements/transfer.md).
            disable_bias_correction=False,
            activations_range_estimator_params=ranges.RangeEstimatorParameters(min=lowest, max=highest),
        ),
    )
