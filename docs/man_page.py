"""The commands' help as a page for `man`, in roff."""

from collections.abc import Iterable

HEAD = """.TH LUMINA 1 "" "lumina" "User Commands"
.SH NAME
lumina \\- train a small chatbot from nothing, on your own text, and talk to it
.SH SYNOPSIS
.B lumina
.I COMMAND
[OPTION]...
.SH DESCRIPTION
lumina learns from text that you give it, with a Transformer small enough to watch while it learns.
A chatbot in three minutes, offline: lumina train \\-\\-preset demo, and then lumina chat.
.PP
What follows is what \\-\\-help\\-all prints for each command. The whole documentation: lumina docs.
"""

FOOT = """.SH FILES
.TP
.I Model.pth
a model in one file; what happened in its run lies beside it, in Model.run.
.TP
.I lumina.toml
settings of runs in this folder.
.SH ENVIRONMENT
Each setting can stand in a variable: LUMINA_BATCH_SIZE=8 is \\-\\-batch\\-size 8.
"""


def man_page(sections: Iterable[tuple[str, str]]) -> str:
    """Return the page; each section is a command line and what its help prints."""
    parts = [f".SH {roff(name.upper())}\n.nf\n{roff(text)}\n.fi\n" for name, text in sections]
    return HEAD + "".join(parts) + FOOT


def roff(text: str) -> str:
    """Return text as roff shows it: in ASCII, and with no line that it would take for a command."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    text = "".join(char if char.isascii() else f"\\[u{ord(char):04X}]" for char in text)
    return "\n".join(f"\\&{line}" if line[:1] in (".", "'") else line for line in text.split("\n"))
