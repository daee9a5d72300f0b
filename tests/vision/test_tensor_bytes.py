"""Tests of tensors as bytes, in `vision.artifact`."""

import json

import pytest
import safetensors.torch
import torch
from torch import Tensor

from vision.artifact import tensors_from_bytes, tensors_to_bytes

TENSORS = {
    "weight": torch.arange(24, dtype=torch.float32).reshape(2, 3, 4),
    "half": torch.tensor([1.5, -2.0], dtype=torch.float16),
    "brain": torch.tensor([[0.1], [3.0]], dtype=torch.bfloat16),
    "num_batches": torch.tensor(7),
    "none": torch.empty(0, 5),
}


def described(header: object) -> bytes:
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + bytes(16)


def assert_same(tensors: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert tensors.keys() == expected.keys()
    for name, tensor in expected.items():
        assert tensors[name].dtype == tensor.dtype
        assert torch.equal(tensors[name], tensor)


def test_what_was_written_is_read() -> None:
    assert_same(tensors_from_bytes(tensors_to_bytes(TENSORS)), TENSORS)


def test_what_the_library_wrote_is_read_with_its_notes_left_out() -> None:
    assert_same(tensors_from_bytes(safetensors.torch.save(TENSORS, {"format": "pt"})), TENSORS)


def test_the_library_reads_what_was_written() -> None:
    assert_same(safetensors.torch.load(tensors_to_bytes(TENSORS)), TENSORS)


def test_views_and_shared_memory_are_written_as_they_are_seen() -> None:
    matrix = torch.arange(6.0).reshape(2, 3)

    tensors = tensors_from_bytes(tensors_to_bytes({"whole": matrix, "turned": matrix.T}))

    assert_same(tensors, {"whole": matrix, "turned": matrix.T})


def test_tensors_that_were_read_can_be_changed_without_each_other() -> None:
    content = tensors_to_bytes({"first": torch.zeros(3), "second": torch.zeros(3)})
    tensors = tensors_from_bytes(content)

    tensors["first"].add_(1)

    assert torch.equal(tensors["second"], torch.zeros(3))
    assert torch.equal(tensors_from_bytes(content)["first"], torch.zeros(3))


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x00" * 8, id="no header"),
        pytest.param(b"\xff" * 40, id="a length beyond the end"),
        pytest.param(tensors_to_bytes(TENSORS)[:-1], id="cut"),
        pytest.param(described([1, 2]), id="a list"),
        pytest.param(described({"a": 3}), id="no tensor"),
        pytest.param(described({"a": {"dtype": "F32", "shape": [1]}}), id="no place"),
        pytest.param(
            described({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 8]}}), id="another size"
        ),
        pytest.param(
            described({"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}), id="a negative size"
        ),
        pytest.param(
            described({"a": {"dtype": "F32", "shape": [1], "data_offsets": [-900, -896]}}),
            id="a place before the file",
        ),
        pytest.param(
            described({"a": {"dtype": "F32", "shape": [1], "data_offsets": [16, 20]}}),
            id="a place behind it",
        ),
    ],
)
def test_bytes_that_are_no_such_file_are_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="expected tensors as safetensors"):
        tensors_from_bytes(content)
