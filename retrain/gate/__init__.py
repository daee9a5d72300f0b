"""The gate: measurements in, a verdict out. It imports nothing else of this package."""
