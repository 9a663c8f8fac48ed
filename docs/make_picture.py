"""Draw docs/demo.svg: the demo as a terminal shows it, from a real run (about three minutes)."""

import io
import os
import tempfile
from collections import deque
from pathlib import Path

from rich.console import Console

from lumina_cli.cli.views.train import LiveView
from lumina_cli.cli.views.train_panels import show_plan, show_report
from lumina_cli.recipes.train.pretrain import pretrain
from lumina_cli.settings import TRAIN_CONFIGS, resolve_settings

PICTURE = Path(__file__).with_name("demo.svg")
WIDTH = 100


def main() -> None:
    """Train the demo in a folder of its own and export what was on the screen."""
    console = Console(width=WIDTH, record=True, force_terminal=True, file=io.StringIO())
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        settings = resolve_settings(TRAIN_CONFIGS, flags={}, environ={}, preset="demo")
        run = pretrain(settings, data=[], out=Path("Model.pth"))
        view = LiveView(console, plan=run.plan)
        # The live view draws over itself; only its last picture belongs in a still one.
        deque(map(view.show, run.run()), maxlen=0)
        assert run.report is not None
        show_plan(console, run.plan, sample_prompt=run.prompts[0])
        console.print(view.picture())
        show_report(console, run.report)
    console.save_svg(str(PICTURE), title="lumina train --preset demo")


if __name__ == "__main__":
    main()
