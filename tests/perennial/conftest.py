"""Fixtures that every test of this folder may use; pytest looks for them here by name."""

from tests.homes import home, make_images, run, run_json, settings  # noqa: F401  # used by name
from tests.hub_server import no_hub  # noqa: F401  # used by name
