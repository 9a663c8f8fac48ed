"""What somebody meant who typed a command line that can't be understood."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import typer

from lumina_cli.errors import UsageError
from lumina_cli.io.shell_word import shell_word

CommandLineError = cast(type[Exception], typer.BadParameter.__mro__[1])
"""Click's UsageError, which Typer carries inside and does not export."""

MEANT = {
    "check": "lumina data check",
    "download": "lumina data fetch",
    "fetch": "lumina data fetch",
    "list": "lumina data list",
    "resume": "lumina train --resume",
    "continue": "lumina train --resume",
    "demo": "lumina train --preset demo",
    "pretrain": "lumina train",
    "talk": "lumina chat",
    "run": "lumina chat",
    "sample": "lumina generate",
    "evaluate": "lumina eval",
    "tune": "lumina finetune",
    "models": "lumina info",
}
"""Commands by what other programs call them, or by a part of their name."""

MEANT_OPTIONS = {
    **dict.fromkeys(("--file", "--input", "--dataset", "--text", "--corpus", "-f", "-i"), "--data"),
    **dict.fromkeys(("--output", "--save"), "--out"),
    **dict.fromkeys(("-p", "--message"), "--prompt"),
    **dict.fromkeys(("--lr",), "--learning-rate"),
    **dict.fromkeys(("--layers", "--n-layer", "--num-layer"), "--num-layers"),
    **dict.fromkeys(("--heads", "--n-head"), "--num-heads"),
    **dict.fromkeys(("--width", "--n-embd", "--dim"), "--hidden-size"),
    **dict.fromkeys(("--context", "--block-size", "--context-length"), "--seq-length"),
    **dict.fromkeys(("--steps", "--iters", "--max-iters"), "--max-steps"),
    **dict.fromkeys(("--time", "--hours"), "--minutes"),
    **dict.fromkeys(("--lora",), "--lora-rank"),
    **dict.fromkeys(("--length", "--max-tokens", "--max-new-tokens"), "--max-chars"),
    **dict.fromkeys(("--gpu", "--cuda"), "--device"),
    **dict.fromkeys(("--checkpoint", "--load-model"), "--model"),
}
"""Options by what other programs call them."""
MEANT_PARTS = {
    "lumina eval": "Name the text: lumina eval{} --data FILE",
    "lumina data check": "Name a file or folder: lumina data check FILE",
    "lumina data fetch": "Fetch one: lumina data fetch oasst1. All of them: lumina data list",
}
"""What to type where an option or argument is missing."""
_OF_A_NEW_MODEL = (
    "A new model is written with --out FILE; to go on from one: lumina finetune --model"
)

_EXTRA = re.compile(r"extra arguments?(?:\(s\))? \((.*)\)", re.DOTALL)


_WORDS_OF_A_TYPE = re.compile(r"Value error, |Input should be ")
_GUESS = re.compile(r"\.? (?:Did you mean |\(Possible options: ).*")


def message_of(error: Any) -> str:
    """Return what is wrong with a command line, on one line and in our words.

    Click's guess is left out where the hint knows better.
    """
    message = " ".join(error.format_message().rstrip(".").split())
    message = _WORDS_OF_A_TYPE.sub(
        lambda found: "must be " if found[0].startswith("Input") else "", message
    )
    command = _unknown_command(error)
    if command in MEANT or _is_file(command) or _meant_option(error):
        message = _GUESS.sub("", message)
    return message[:1].lower() + message[1:]


def hint_of(error: Any) -> str:
    """Return what to type instead; where nothing better is known, where the help is."""
    path = error.ctx.command_path if error.ctx else "lumina"
    if extra := _EXTRA.search(error.message):
        return _of_extra(path, extra[1], given=error.ctx.params) or f"See: {path} --help"
    if option := _meant_option(error):
        return option
    if isinstance(error, typer.BadParameter) and error.format_message().startswith("Missing"):
        missing = MEANT_PARTS.get(path, "").format(_model(error.ctx.params) if error.ctx else "")
        return missing or f"See: {path} --help"
    command = _unknown_command(error)
    if _is_file(command) and path == "lumina":
        is_model = command.endswith(".pth")
        return f"Did you mean: lumina {'chat --model' if is_model else 'train --data'} " + (
            shell_word(command)
        )
    meant = MEANT.get(command)
    return f"Did you mean: {meant}" if meant else f"See: {path} --help"


def _of_extra(path: str, extra: str, *, given: Mapping[str, Any]) -> str:
    """Return what words that stand alone could be meant as, in a command that takes none."""
    shown = shell_word(extra)
    if taken := next((str(each) for each in given.values() if str(each).startswith("--")), ""):
        return f"The option before {taken} needs a value of its own. See: {path} --help"
    if whole := _split_name(extra, given=given):
        return f"Put a name with a space in quotes: {shell_word(whole)}"
    is_model = extra.endswith(".pth") or _is_file(extra)
    if path in ("lumina chat", "lumina generate", "lumina serve", "lumina export") and is_model:
        to = f" --to {given['to']}" if given.get("to") else ""
        hint = f"Name a model with --model: {path} --model {shown}{to}"
        is_text = not extra.endswith(".pth")
        return f"{hint}. A text is learnt with: lumina train --data {shown}" if is_text else hint
    if path == "lumina chat":
        return f"To say something and exit: lumina chat{_model(given)} --prompt {shown}"
    if path == "lumina generate" and (text := given.get("text")):
        return f"Put the text in quotes: {path}{_model(given)} {shell_word(f'{text} {extra}')}"
    if path in ("lumina train", "lumina finetune"):
        return "Name each file with a --data of its own, or the folder they are in: --data FOLDER"
    if path == "lumina eval":
        return f"Name the text with --data: lumina eval{_model(given)} --data {shown}"
    return ""


def _split_name(extra: str, *, given: Mapping[str, Any]) -> str:
    """Return the name of a file that the shell took apart at its spaces, or nothing."""
    begun = (str(value) for value in given.values() if isinstance(value, str | Path))
    return next((whole for each in begun if _is_file(whole := f"{each} {extra}")), "")


def _model(given: Mapping[str, Any]) -> str:
    """Return the flag that names the model, where one was named."""
    model = given.get("model")
    if not isinstance(model, Path) or model == Path("Model.pth"):
        return ""
    return f" --model {shell_word(model)}"


def _meant_option(error: Any) -> str:
    """Return what to use for an option that there isn't; nothing where that is not known."""
    name = getattr(error, "option_name", "")
    if error.ctx is None or not name:
        return ""
    if error.ctx.command_path == "lumina train" and name in ("-m", "--model"):
        return _OF_A_NEW_MODEL
    if error.ctx.command_path == "lumina data check" and name in ("-d", "--data"):
        return MEANT_PARTS["lumina data check"]
    if error.ctx.command_path == "lumina info" and name in ("-m", "--model"):
        return "Name it without a flag: lumina info FILE"
    there_are = {flag for option in error.ctx.command.params for flag in option.opts}
    meant = MEANT_OPTIONS.get(name)
    if meant in there_are:
        return f"Did you mean {meant}? See: {error.ctx.command_path} --help"
    if file := _file_that_begins_with(name):
        return f"If the file is meant: {shell_word(f'./{file}')}"
    if name.startswith("--") and error.ctx.command_path != "lumina train" and _is_of_train(name):
        return f"It is set when a model is trained: lumina train {name}"
    return ""


def _file_that_begins_with(option: str) -> str:
    """Return a file of this folder whose name looks like an option, or nothing."""
    try:
        names = sorted(each.name for each in Path().iterdir() if each.name.startswith(option))
    except OSError:
        return ""
    return next(filter(_is_file, names), "")


def _is_of_train(name: str) -> bool:
    from lumina_cli.cli.lazy import load_command  # noqa: PLC0415  slow

    return any(name in option.opts for option in load_command("train").params)


def _is_file(name: str) -> bool:
    try:
        return bool(name) and Path(name).is_file()
    except (OSError, ValueError):
        return False


def _unknown_command(error: Any) -> str:
    """Return the command that there isn't, or nothing where another thing is wrong."""
    return error.message.split("'")[1] if error.message.startswith("No such command '") else ""


def given_without_resume(path: Path, *, has_data: bool) -> UsageError:
    """Return the error for a file that stands alone in a command that trains."""
    name, too = shell_word(path), ", too" if has_data else ""
    use = f"Train on it{too}: --data {name}"
    if path.suffix == ".pth":
        use = f"Begin from it: lumina finetune --model {name} --data FILE"
    return UsageError(
        f"{path} is given without --resume", hint=f"{use}. Or resume from it: --resume {name}"
    )
