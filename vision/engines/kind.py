"""The names of engines in settings; nothing here loads torch."""

from typing import Literal

EngineKind = Literal["auto", "torch", "onnxruntime"]
