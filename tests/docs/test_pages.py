"""What pages name exists: links, files, commands, options, make targets, settings; and pages stay short."""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from perennial.cli import main
from perennial.settings.retired import RETIRED
from perennial.settings.table import rows

ROOT = Path(__file__).parents[2]
NAMES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")]
PAGES = sorted([*NAMES, *(ROOT / "docs").rglob("*.md")])
# These are of their day: they may name what is no more.
JOURNALS = {ROOT / "CHANGELOG.md", *(ROOT / "docs" / "measurements").glob("*.md")}
LINK = re.compile(r"\]\(([^)\s]+)\)")
ROOMS = (
    *("vision", "store", "monitoring", "retrain", "service", "transfer", "lab", "perennial"),
    *("benchmarks", "docs", "tests"),
)
FILE = re.compile(rf"`((?:{'|'.join(ROOMS)})/[\w./-]*)`")
ADR_WORDS = 500


def _named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def _blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(), re.DOTALL)


def _commands() -> list[str]:
    """Each `perennial` command of a block of shell, without the variables before it."""
    lines = [line for page in PAGES for block in _blocks(page, "sh") for line in block.splitlines()]
    matches = (re.match(r"(?:[A-Z_]+=\S+ )*(?:\.venv/bin/)?perennial (.*)", line) for line in lines)
    return sorted({" ".join(shlex.split(each[1], comments=True)) for each in matches if each})


@pytest.mark.parametrize("page", PAGES, ids=_named)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    for link in LINK.findall(page.read_text()):
        if link.startswith(("http:", "https:", "mailto:")):
            continue
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        assert target.exists(), link
        if anchor and not anchor.startswith("only-"):
            assert anchor in _anchors(target), link


@pytest.mark.parametrize("page", [page for page in PAGES if page not in JOURNALS], ids=_named)
def test_every_file_that_a_page_names_exists(page: Path) -> None:
    ignored = ("benchmarks/cache",)
    named = [name for name in FILE.findall(page.read_text()) if not name.startswith(ignored)]
    assert [name for name in named if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("page", [page for page in PAGES if page not in JOURNALS], ids=_named)
def test_every_variable_that_a_page_names_is_a_setting(page: Path) -> None:
    known = {row.variable for row in rows()} | {"PERENNIAL_CONFIG", "PERENNIAL_"}
    retired = {f"PERENNIAL_{name.upper()}" for name in RETIRED.removed}
    assert set(re.findall(r"PERENNIAL_[A-Z_]*", page.read_text())) <= known | retired


def test_every_metric_that_a_page_names_is_in_the_reference() -> None:
    known = (ROOT / "docs" / "reference" / "metrics.md").read_text()
    for page in sorted((ROOT / "docs" / "how-to").glob("*.md")):
        for name in re.findall(r"\bperennial_[a-z_]+", page.read_text()):
            assert f"`{name}`" in known, f"{page.name}: {name}"


@pytest.mark.parametrize("command", _commands())
def test_every_command_exists_with_its_options(command: str) -> None:
    done = CliRunner().invoke(main, [*command.split(), "--help"])
    assert done.exit_code == 0, done.output
    for option in (word for word in command.split() if word.startswith("--")):
        assert option in done.output


def test_every_make_target_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for page in PAGES:
        for target in re.findall(r"(?:^|`)make ([a-z-]+)", page.read_text(), re.MULTILINE):
            assert page in JOURNALS or re.search(rf"^{target}(?: [\w-]+)*:", makefile, re.MULTILINE), target


def test_code_names_pages_that_exist() -> None:
    code = [ROOT / "Makefile", *(file for room in ROOMS for file in (ROOT / room).rglob("*.py"))]
    named = {
        name for file in code for name in re.findall(r"docs/[a-z0-9/-]+\.(?:md|svg|png)", file.read_text())
    }
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_readme_is_read_in_three_minutes() -> None:
    lines = (ROOT / "README.md").read_text().splitlines()
    assert len(lines) <= 120
    assert max(map(len, lines)) <= 120


@pytest.mark.parametrize("page", sorted((ROOT / "docs" / "adr").glob("0*.md")), ids=_named)
def test_a_decision_is_one_page_and_is_listed(page: Path) -> None:
    text = page.read_text()
    assert len(text.split()) <= ADR_WORDS
    assert page.name in (ROOT / "docs" / "adr" / "index.md").read_text()
    if "Superseded by" not in text:
        assert re.findall(r"^## (.*)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences"]
