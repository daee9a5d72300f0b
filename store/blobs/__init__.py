"""Stores bytes by their SHA-256, in a folder or in S3: images, and the files of versions."""
