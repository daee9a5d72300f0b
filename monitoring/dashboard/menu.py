"""The dashboard's pages, with their addresses and titles, and which of them the menu names."""

import re
from dataclasses import dataclass

from starlette.routing import compile_path


@dataclass(frozen=True, slots=True)
class Page:
    """One page.

    Attributes:
        name: Of its template and of its script.
        path: Its address; what stands in braces may stand in the title too.
        title: Of the window and of the page.
        section: The entry of the menu that it belongs to, by that page's name.
    """

    name: str
    path: str
    title: str
    section: str


PAGES = (
    Page("overview", "/", "Overview", "overview"),
    Page("rounds", "/rounds", "Rounds", "rounds"),
    Page("round", "/rounds/{round_id:int}", "Round {round_id}", "rounds"),
    Page("versions", "/versions", "Versions", "versions"),
    Page("version", "/versions/{version}", "Version {version}", "versions"),
    Page("comparison", "/versions/{version}/against/{other}", "{version} against {other}", "versions"),
    Page("drift", "/drift", "Drift", "drift"),
    Page("forgetting", "/forgetting", "Forgetting", "forgetting"),
    Page("labelling", "/labelling", "Labelling", "labelling"),
    Page("classes", "/classes", "Classes", "classes"),
    Page("images", "/images", "Images", "images"),
    Page("image", "/images/{prediction_id}", "Image", "images"),
    Page("sources", "/sources", "Sources", "sources"),
    Page("alarms", "/alarms", "Alarms", "alarms"),
)
MENU = tuple(page for page in PAGES if page.name == page.section)
_PATTERNS: tuple[re.Pattern[str], ...] = tuple(compile_path(page.path)[0] for page in PAGES)


def is_page(path: str) -> bool:
    """Return whether an address is one of the pages.

    >>> is_page("/rounds/12"), is_page("/v1/rounds/12")
    (True, False)
    """
    return any(pattern.match(path) for pattern in _PATTERNS)
