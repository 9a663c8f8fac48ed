"""What is said at the end of a run: what was reached, and the commands that make sense next."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from lumina_cli.cli.formatting import counted
from lumina_cli.io.shell_word import shell_word
from lumina_cli.recipes.run.reached import Level
from lumina_cli.recipes.run.report import TrainReport, resume_command
from lumina_cli.settings import DEFAULT_MODEL

LEVELS: Mapping[Level, str] = {
    "nothing": "It has learnt hardly anything yet, not even which letters are frequent.",
    "letters": "It knows which letters are frequent, and no words yet.",
    "syllables": "It puts letters in a likely order: parts of words, and short ones; no sense yet.",
    "words": "It spells most words; its sentences make no sense yet.",
    "phrases": "It spells words and puts them together in the manner of its text.",
}
"""From the loss on validation text, beside that of counting letters (`recipes/run/reached.py`)."""

USUAL_PROMPT = "Once"
FEW_STEPS = 20
"""After so few, a model is hardly another one."""


def end_lines(report: TrainReport) -> Iterator[str]:
    """Yield what to say when a run has ended, each a line that can be acted on."""
    reached = report.reached
    go_on = resume_command(report.model, is_fine_tuned=report.base is not None)
    if report.steps < FEW_STEPS:
        yield f"It learnt in {counted(report.steps, 'step')} only, too few to learn much."
    elif reached is not None and reached.level is not None:
        yield LEVELS[reached.level]
    if report.stop_reason == "interrupted":
        yield f"Go on with: {go_on}"
        return
    if report.steps < FEW_STEPS and reached is not None and reached.longer:
        yield f"Give it more: {go_on} {reached.longer}"
        return
    if reached is not None and reached.is_conversation is False:
        prompt = shell_word(reached.first_words or USUAL_PROMPT)
        yield f"Let it write: lumina generate{model_flag(report.model)} --prompt {prompt}"
    else:
        yield f"Talk to it: lumina chat{model_flag(report.model)}"
    if reached is not None and reached.longer:
        yield f"Train it for twice as long: {go_on} {reached.longer}"


def model_flag(model: Path) -> str:
    """Return the flag that names a model, nothing for the usual one."""
    return "" if model == DEFAULT_MODEL else f" --model {shell_word(model)}"
