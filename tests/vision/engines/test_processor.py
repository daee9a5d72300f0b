"""The precisions that each kind of processor computes in."""

import platform
from collections.abc import Callable

import pytest

from vision.engines import processor as processors
from vision.engines.processor import has_dot_product, precisions_to_try, processor_kind, training_precision
from vision.network import build_empty_classifier


@pytest.mark.parametrize(
    ("capabilities", "precisions", "is_exact"),
    [
        (("avx2",), ("int8",), False),
        (("avx2", "avx_vnni"), ("int8",), True),
        (("avx512_vnni",), ("int8",), True),
        (("avx512_vnni", "avx512_bf16"), ("int8", "bfloat16"), True),
        (("avx512_vnni", "amx_int8", "amx_bf16"), ("int8", "bfloat16"), True),
        (("neon", "dot"), ("int8",), True),
        (("neon",), ("int8",), False),
    ],
)
def test_a_processor_is_tried_in_what_it_multiplies_fast(
    capabilities: tuple[str, ...],
    precisions: tuple[str, ...],
    is_exact: bool,
    processor: Callable[..., None],
) -> None:
    processor(*capabilities)
    assert precisions_to_try() == precisions
    assert has_dot_product() is is_exact


@pytest.mark.parametrize(
    ("capabilities", "cpu_name", "expected"),
    [
        (("avx512_bf16",), "AMD EPYC", "bfloat16"),
        (("avx512_bf16",), "Intel Xeon", "float32"),
        (("avx512_bf16", "amx_bf16"), "Intel Xeon", "bfloat16"),
        (("avx512_vnni",), "AMD EPYC", "float32"),
    ],
)
def test_torch_trains_in_bfloat16_where_it_is_faster_in_it(
    capabilities: tuple[str, ...], cpu_name: str, expected: str, processor: Callable[..., None]
) -> None:
    processor(*capabilities, cpu_name=cpu_name)
    assert training_precision(build_empty_classifier("resnet18", 2), 224) == expected


def test_grouped_convolutions_and_small_images_are_trained_in_float32(processor: Callable[..., None]) -> None:
    processor("amx_bf16")
    assert training_precision(build_empty_classifier("mobilenet_v3_large", 2), 224) == "float32"
    assert training_precision(build_empty_classifier("resnet18", 2), 31) == "float32"


def test_a_kind_is_named_after_capabilities_and_release(processor: Callable[..., None]) -> None:
    processor("avx2")
    kind = processor_kind("2026.4")
    assert processor_kind("2026.4") == kind != processor_kind("2026.5")
    processor("avx2", "avx512_vnni")
    assert processor_kind("2026.4") != kind


def test_a_processor_that_reports_nothing_is_like_no_other_machine_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processors, "_capabilities", dict)
    kinds = set()
    for machine in ("first", "second"):
        monkeypatch.setattr(platform, "node", lambda machine=machine: machine)
        kinds.add(processor_kind("2026.4"))
    assert len(kinds) == 2
