"""SQL is written in the store alone: other rooms hand its functions a connection."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("vision", "monitoring", "retrain", "service", "transfer", "lab", "perennial")


@pytest.mark.parametrize("room", ROOMS)
def test_other_rooms_import_no_more_of_sqlalchemy_than_the_type_of_a_connection(room: str) -> None:
    for path in (ROOT / room).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                assert not [name for name in node.names if name.name.startswith("sqlalchemy")], path
            elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sqlalchemy"):
                assert [name.name for name in node.names] == ["Connection"], path
            elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("store.database"):
                assert "schema" not in [*(node.module or "").split("."), *(n.name for n in node.names)], path
