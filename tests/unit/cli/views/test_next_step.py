"""What is said at the end of a run."""

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lumina_cli.cli.views.next_step import LEVELS, end_lines
from lumina_cli.recipes.run.reached import Reached
from tests.unit.cli.test_docs_flags import faults_in
from tests.unit.cli.views.test_train import REPORT

BOOK = Reached("words", is_conversation=False, first_words="It's a truth", longer="--minutes 20")
CHATS = Reached("phrases", is_conversation=True, first_words="Hello", longer="")


def said(model: str = "Model.pth", **changes: Any) -> list[str]:
    return list(end_lines(replace(REPORT, model=Path(model), **changes)))


def test_after_a_book_the_model_is_to_write() -> None:
    assert said(reached=BOOK) == [
        "It spells most words; its sentences make no sense yet.",
        """Let it write: lumina generate --prompt 'It'"'"'s a truth'""",
        "Train it for twice as long: lumina train --resume --minutes 20",
    ]


def test_after_conversations_the_model_is_to_talk() -> None:
    assert said(reached=CHATS) == [LEVELS["phrases"], "Talk to it: lumina chat"]


def test_a_model_of_another_name_is_named_so_that_a_shell_reads_it() -> None:
    lines = said("my models/Cat.pth", reached=BOOK)
    assert "--model 'my models/Cat.pth'" in lines[1]
    assert lines[2].endswith("lumina train --resume --out 'my models/Cat.pth' --minutes 20")


def test_a_run_that_was_stopped_is_to_be_gone_on_with() -> None:
    assert said(stop_reason="interrupted") == ["Go on with: lumina train --resume"]


def test_a_run_that_had_time_for_a_step_or_two_says_so_and_judges_nothing() -> None:
    assert said(reached=BOOK, steps=1) == [
        "It learnt in 1 step only, too few to learn much.",
        "Give it more: lumina train --resume --minutes 20",
    ]


@pytest.mark.parametrize("reached", [BOOK, CHATS, replace(BOOK, first_words=""), None])
@pytest.mark.parametrize("model", ["Model.pth", "a b/c.pth"])
def test_each_command_can_be_pasted(reached: Reached | None, model: str) -> None:
    for line in said(model, reached=reached):
        command = line.partition(": ")[2]
        assert not command or shlex.split(command)[0] == "lumina"
        assert list(faults_in(command)) == []
