"""What runs a version's network: torch or ONNX Runtime behind one contract."""
