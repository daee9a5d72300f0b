"""Samples: images with their labels, how they are cut, and which of them are pending."""
