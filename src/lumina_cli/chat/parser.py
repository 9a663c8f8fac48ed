"""From a typed line to what it means: a command, or a message for the model.

A few words are commands when they are the whole line, as people expect of a chat: `exit`,
`clear`, `temp 0.8`. A line that merely begins with such a word is a message. Every command
has a slash form, and `/say help` says what would be one. A command that can't be meant is
explained, so that it never reaches the model by mistake.
"""

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from lumina_cli.chat.commands import (
    Command,
    Edit,
    Explain,
    Load,
    Nothing,
    Save,
    Say,
    SetNumber,
    ShowProbs,
    Simple,
    System,
    Teach,
    UseSampler,
    Why,
)
from lumina_cli.core.inference.config import (
    MAX_BEAMS,
    MAX_TEMPERATURE,
    MIN_TEMPERATURE,
    SamplerName,
)

Parse = Callable[[str], Command]

LONGEST_NAME = 20
"""Of what might be a command's name, no more is looked at or shown."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One command of the chat.

    Attributes:
        usage: how it is typed, without a slash.
        tells: what it does, for the help.
        parse: from what stands after its name to the command.
        bare: whether it needs no slash: alone on its line, or with one value after it.
        heading: of the group that it begins in the help.
    """

    usage: str
    tells: str
    parse: Parse
    bare: Literal["", "alone", "with value"] = ""
    heading: str = ""


def parse(line: str) -> Command:
    """Return what a line means. Every text means something."""
    text = line.strip()
    if not text:
        return Nothing()
    if text.startswith("/"):
        return _parse_slash(text)
    name, argument = _split_word(text)
    entry = COMMANDS.get(name)
    if entry is None or not entry.bare or _has_space(argument):
        return Say(text)
    if argument and entry.bare == "alone":
        return Say(text)
    command = entry.parse(argument)
    if isinstance(command, Explain) and argument:
        return Explain(f"{command.message} To say it to the model: /say {_short(text)}")
    return command


def _parse_slash(text: str) -> Command:
    name, argument = _split_word(text[1:])
    name = _ALSO.get(name, name)
    if name in COMMANDS:
        return COMMANDS[name].parse(argument)
    if not re.fullmatch("[a-z_?][^/]*", name):  # /usr/bin, // or a lone slash
        return Say(text)
    name = name[:LONGEST_NAME]
    close = difflib.get_close_matches(name, COMMANDS, n=1)
    guess = f" (did you mean /{close[0]}?)" if close else ""
    return Explain(
        f"There is no command /{name}{guess}; help lists all, /say {_short(text)} says it."
    )


def _split_word(text: str) -> tuple[str, str]:
    """Return the first word in lower case, and the rest."""
    word, *rest = text.split(maxsplit=1) or [""]
    return word.lower(), rest[0] if rest else ""


def _has_space(text: str) -> bool:
    return len(text.split(maxsplit=1)) > 1


def _short(text: str) -> str:
    return " ".join(text.split())[:60]


def _only(command: Simple) -> Parse:
    def parse_nothing(argument: str) -> Command:
        return Explain(f"{command.name} takes nothing after it.") if argument else command

    return parse_nothing


def _sampler(sampler: SamplerName) -> Parse:
    def parse_nothing(argument: str) -> Command:
        if argument:
            return Explain(f"{sampler} takes nothing after it: it only chooses the sampler.")
        return UseSampler(sampler)

    return parse_nothing


def _number(
    name: str,
    setting: str,
    lowest: float,
    highest: float,
    *,
    whole: bool = False,
    sampler: SamplerName | None = None,
    may_be_alone: bool = False,
) -> Parse:
    """Return the parser of a number within bounds; alone it may just choose the sampler."""
    form = r"\d{1,18}" if whole else r"(\d+\.?\d*|\.\d+)(e[+-]?\d+)?"
    kind = "a whole number" if whole else "a number"
    right = f"{name} takes {kind} from {lowest} to {highest}"

    def parse_number(argument: str) -> Command:
        if not argument and sampler is not None and may_be_alone:
            return UseSampler(sampler)
        if not argument:
            return Explain(f"{right}, such as: {COMMANDS[name].usage}")
        if re.fullmatch(form, argument, re.ASCII | re.IGNORECASE):
            value = int(argument) if whole else float(argument)
            if lowest <= value <= highest:
                return SetNumber(setting, value, sampler)
        return Explain(f"{right}, not {argument[:20]!r}.")

    return parse_number


def _text(name: str, command: Callable[[str], Command], *, needs: str = "") -> Parse:
    """Return the parser of a command that takes the rest of the line as it is."""

    def parse_text(argument: str) -> Command:
        if needs and not argument:
            return Explain(f"{name} needs {needs} after it, such as: /{COMMANDS[name].usage}")
        return command(argument)

    return parse_text


def _probs(argument: str) -> Command:
    if re.fullmatch(r"|\d", argument, re.ASCII):
        return ShowProbs(int(argument or 0))
    return Explain(f"probs takes a number of runners-up from 0 to 9, not {argument[:20]!r}.")


COMMANDS: dict[str, Entry] = {
    "help": Entry("help", "this list", _only(Simple("help")), "alone", heading="The chat"),
    "exit": Entry("exit", "leave", _only(Simple("exit")), "alone"),
    "quit": Entry("quit", "leave", _only(Simple("exit")), "alone"),
    "clear": Entry("clear", "forget what was said", _only(Simple("clear")), "alone"),
    "retry": Entry("retry", "answer again", _only(Simple("retry"))),
    "undo": Entry("undo", "take back the last message and its reply", _only(Simple("undo"))),
    "edit": Entry("edit TEXT", "ask the last question in other words", _text("edit", Edit)),
    "say": Entry("say help", "say what would be a command", _text("say", Say, needs="text")),
    "system": Entry(
        "system TEXT", "tell the bot how to be; off removes it", _text("system", System)
    ),
    "multiline": Entry(
        "multiline", "messages of many lines, on or off", _only(Simple("multiline"))
    ),
    "temp": Entry(
        "temp 0.8",
        "lower keeps to the likely, higher dares more",
        _number("temp", "temperature", MIN_TEMPERATURE, MAX_TEMPERATURE),
        "with value",
        heading="How a reply is chosen",
    ),
    "topk": Entry(
        "topk 10",
        "drawn from the 10 likeliest",
        _number("topk", "top_k", 1, 50, whole=True, sampler="top-k"),
        "with value",
    ),
    "topk_mode": Entry(
        "topk_mode", "the same, with the number as it is", _sampler("top-k"), "alone"
    ),
    "nucleus": Entry(
        "nucleus", "drawn from the likely ones, few or many", _sampler("nucleus"), "alone"
    ),
    "topp": Entry(
        "topp 0.9",
        "the same: from the likeliest that together reach 0.9",
        _number("topp", "top_p", 0, 1, sampler="nucleus"),
    ),
    "minp": Entry(
        "minp 0.05",
        "drawn from those at least 0.05 times as likely as the likeliest",
        _number("minp", "min_p", 0, 1, sampler="min-p", may_be_alone=True),
    ),
    "greedy": Entry("greedy", "always the likeliest", _sampler("greedy"), "alone"),
    "beam": Entry(
        "beam 4",
        "the likeliest whole reply, looked for with 4 side by side",
        _number("beam", "num_beams", 1, MAX_BEAMS, whole=True, sampler="beam", may_be_alone=True),
    ),
    "penalty": Entry(
        "penalty 1.2",
        "make what was just said less likely to come again; 1 is off",
        _number("penalty", "repetition_penalty", 1, 2),
    ),
    "seed": Entry(
        "seed 7",
        "same seed, same replies",
        _number("seed", "seed", 0, 2**53, whole=True),
    ),
    "candidates": Entry(
        "candidates 3",
        "show so many replies; the first is the answer",
        _number("candidates", "num_candidates", 1, MAX_BEAMS, whole=True),
    ),
    "history": Entry(
        "history", "all that was said", _only(Simple("history")), heading="Look back, and keep"
    ),
    "probs": Entry("probs 3", "how sure the bot was, and 3 others it had in mind", _probs),
    "why": Entry(
        "why TEXT", "what mattered for the character where TEXT begins", _text("why", Why)
    ),
    "stats": Entry("stats", "speed, and how full the context is", _only(Simple("stats"))),
    "teach": Entry(
        "teach TEXT",
        "what the last reply should have been; finetune learns it",
        _text("teach", Teach, needs="a reply"),
    ),
    "save": Entry(
        "save FILE", "write the chat to a file", _text("save", Save, needs="a file name")
    ),
    "load": Entry("load FILE", "go on with a saved chat", _text("load", Load, needs="a file name")),
}
"""All commands, in the order of the help."""

_ALSO = {"?": "help", "q": "exit", "bye": "exit", "reset": "clear"}
"""What people type in other chats, with a slash."""
