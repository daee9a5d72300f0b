"""The words that the pages explain."""

import re
from pathlib import Path

from monitoring.dashboard.pages import FOLDER
from monitoring.dashboard.terms import TERMS

GLOSSARY = Path(__file__).parents[3] / "docs" / "explanation" / "glossary.md"


def test_a_word_means_the_same_on_the_pages_as_in_the_glossary() -> None:
    rows = dict(re.findall(r"^\| ([^|]+?) \| (.+) \|$", GLOSSARY.read_text().replace("`", ""), re.MULTILINE))
    assert {name: rows.get(name) for name in TERMS} == TERMS


def test_the_words_are_those_that_the_pages_explain() -> None:
    used = {
        name
        for path in (FOLDER / "templates").glob("*.html")
        for name in re.findall(r'\bterm\("([^"]+)"', path.read_text())
    }
    assert used <= set(TERMS)
