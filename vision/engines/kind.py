"""The names of engines and precisions in settings; nothing here loads torch."""

from typing import Literal

EngineKind = Literal["auto", "torch", "onnxruntime"]
PrecisionKind = Literal["auto", "float32"]

#: What numbers of a network really are.
Precision = Literal["float32", "bfloat16", "int8"]
