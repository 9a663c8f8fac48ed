"""Frames that fit every terminal."""

import io

import pytest
from rich.console import Console

from lumina_cli.cli.terminal.frame import facts_frame, figures_grid, framed, shorten_paths


def drawn(renderable: object, *, width: int) -> list[str]:
    console = Console(width=width, file=io.StringIO(), force_terminal=True, color_system=None)
    console.print(renderable)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize(("terminal", "frame"), [(60, 60), (80, 80), (100, 100), (200, 100)])
def test_a_frame_is_as_wide_as_the_terminal_up_to_a_hundred_columns(
    terminal: int, frame: int
) -> None:
    console = Console(width=terminal)
    lines = drawn(framed(console, "text", title="plan", style=""), width=terminal)
    assert {len(line.rstrip()) for line in lines} == {frame}


def test_no_name_of_a_figure_is_cut_and_no_line_is_too_long() -> None:
    figures = {"accuracy": "96.4%", "learning rate": "2.96e-04", "validation": "8.307 bits/char"}
    lines = drawn(figures_grid(figures, width=30), width=40)
    text = "\n".join(lines)
    assert all(word in text for item in figures.items() for word in item)
    assert max(len(line.rstrip()) for line in lines) <= 30


def test_a_path_that_is_too_long_leaves_out_its_first_folders() -> None:
    path = "/work/one/two/three/four.txt"
    assert shorten_paths(f"{path} (1 text)", width=15) == "…/four.txt (1 text)"
    assert shorten_paths(path, width=20) == "…/two/three/four.txt"
    assert shorten_paths(path, width=28) == path
    assert shorten_paths("a-long-name-without-folders", width=5) == "a-long-name-without-folders"


def test_words_of_a_fact_stay_whole_at_sixty_columns() -> None:
    console = Console(width=60)
    path = "/work/shared/somewhere/data/text/tinyshakespeare.txt"
    frame = facts_frame(console, {"data": f"{path} (1 text)"}, title="plan", style="")
    assert any(
        "…/shared/somewhere/data/text/tinyshakespeare.txt " in line
        for line in drawn(frame, width=60)
    )
