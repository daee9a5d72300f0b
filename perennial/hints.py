"""Names this program in hints as the user's shell knows it."""

import shutil
import sys
from pathlib import Path


def program() -> str:
    """Return this program's name as it was typed, without its folder where the shell's path has it."""
    typed = Path(sys.argv[0])
    if typed.name != "perennial" or shutil.which("perennial") == str(typed):
        return "perennial"
    return str(typed)


def in_this_shell(text: str) -> str:
    """Return a text whose commands can be typed as they stand: `perennial up` as `.venv/bin/perennial up`."""
    return text.replace("`perennial ", f"`{program()} ") if "`perennial " in text else text
