"""Writes samples to tars, a folder or a CSV, and reads them back."""
