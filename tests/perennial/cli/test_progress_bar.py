from io import StringIO

from rich.console import Console
from rich.progress import Progress

from perennial.cli.training import Bars


def test_all_phases_of_a_training_are_one_bar() -> None:
    progress = Progress(console=Console(file=StringIO()))
    bars = Bars(progress, is_silent=True)
    bars.on_read("storing", 4, 4)
    for done, total in ((1, 20), (2, 20), (3, 12), (12, 12)):
        bars.on_batch(done, total)
    shown = [(task.description, task.completed, task.total) for task in progress.tasks if task.visible]
    assert shown == [("training", 12, 12)]
