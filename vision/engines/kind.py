"""The names of engines, precisions and files; nothing here loads torch."""

from typing import Literal

EngineKind = Literal["auto", "openvino", "torch"]
PrecisionKind = Literal["auto", "float32"]

#: What numbers of a network really are.
Precision = Literal["float32", "bfloat16", "int8"]

#: Of a version's files, those of its served form.
MODEL_FILE = "openvino.xml"
MODEL_WEIGHTS_FILE = "openvino.bin"


def compiled_file(precision: Precision, processor: str) -> str:
    """Return the name of a form that is compiled for a kind of processor."""
    return f"openvino.{precision}.{processor}.blob"
