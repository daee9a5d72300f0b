"""Networks in 8-bit integers: post-training quantisation by NNCF, which OpenVINO's makers keep."""

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

    A weight's scale is its output channel's, an activation's range goes from the smallest to the largest
    number that the images give. NNCF's defaults, which cut ranges and correct biases, change five times as
    many answers (`docs/measurements/precision.md`).

    Args:
        model: In float32; it is left as it is.
        images: Prepared; a few hundred, as various as those to come.
        has_dot_product: Whether the processor adds up full 8-bit products exactly; else weights keep to 7
            bits, so that sums of two fit 16.

    Raises:
        EngineUnavailableError: OpenVINO or NNCF is not installed, or NNCF can't quantize the network.
    """
    openvino()
    # It reports to its makers else, beside the package that `openvino()` keeps out.
    os.environ.setdefault("NNCF_CI", "1")
    try:
        # It tells of its progress on the terminal.
        with contextlib.redirect_stdout(io.StringIO()):
            return _quantize(model, images, has_dot_product=has_dot_product)
    except Exception as error:
        # A missing package, or one of its own exceptions, which share no base but this one.
        raise EngineUnavailableError(
            f"Expected a network that NNCF can quantize, this one can't be ({error!r})."
        ) from error


def _quantize(model: Any, images: LabelledTensors, *, has_dot_product: bool) -> Any:
    # It imports torch's tools for building extensions, which warn where there is no CUDA to build with.
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)
    # Here, since it takes two seconds, and only those who quantize need it.
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
            disable_bias_correction=True,
            activations_range_estimator_params=ranges.RangeEstimatorParameters(min=lowest, max=highest),
        ),
    )
