"""Everything persisted: samples, predictions, rounds, versions, the alias, measurements, image bytes."""
