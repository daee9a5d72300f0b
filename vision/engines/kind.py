"""The names of engines, precisions and files; nothing here loads torch."""

from typing import Literal

EngineKind = Literal["auto", "openvino", "torch"]
PrecisionKind = Literal["auto", "float32"]

#: The numbers that a network really computes in.
Precision = Literal["float32", "bfloat16", "int8"]

#: The files of a version's served form.
MODEL_FILE = "openvino.xml"
MODEL_WEIGHTS_FILE = "openvino.bin"


def compiled_file(precision: Precision, processor: str) -> str:
    """Return the name of the file that holds a form compiled for a kind of processor."""
    return f"openvino.{precision}.{processor}.blob"
