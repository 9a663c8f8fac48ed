"""The split of a text into words, which no piece crosses.

    letters with the space before them, and an apostrophe within them: " don't"
    marks with the space before them: "...", " ("
    a digit alone: so that a sum is read digit by digit
    spaces but the last before a word; other white space, newlines among it

Every code point is in one of these classes, so that words side by side are the text. The classes
are ranges that stand here, not those of a Unicode version: a model cuts its text alike on every
version of Python, and in the other programs that read this pattern from an export. No word is
longer than `MAX_WORD_CHARS`: the work on a text grows with its length alone, whatever it holds.
"""

import re

MAX_WORD_CHARS = 41

_WHITE_SPACE = "\t-\r\x1c-\x1f\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_ZEROS = (
    "\u0660\u06f0\u07c0\u0966\u09e6\u0a66\u0ae6\u0b66\u0be6\u0c66\u0ce6\u0d66\u0de6\u0e50\u0ed0"
    "\u0f20\u1040\u17e0\u1810\uff10"
)
_DIGITS = "0-9" + "".join(f"{zero}-{chr(ord(zero) + 9)}" for zero in _ZEROS)
_MARKS = (
    "\0-\x08\x0e-\x1b!-/:-@\\[-`{-\x84\x86-\x9f¡-©«-´¶-¹»-¿×÷،؛؟٪-٭۔।॥"
    "\u2010-\u2027\u2030-\u205e\u2190-\u2bff\u3001-\u3004\u3008-\u3020\u3030"
    "\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65\U0001f000-\U0001faff"
)
_LETTER = f"[^ {_WHITE_SPACE}{_DIGITS}{_MARKS}]"
_VISIBLE = f"[^ {_WHITE_SPACE}{_DIGITS}]"

PATTERN = "|".join(
    (
        f" ?{_LETTER}{{1,31}}(?:['’]{_LETTER}{{1,8}})?",
        f" ?[{_MARKS}]{{1,31}}",
        f"[{_DIGITS}]",
        f" {{1,31}}(?= {_VISIBLE})",
        " {1,32}",
        f"[{_WHITE_SPACE}]{{1,32}}",
    )
)
"""A regular expression that Python, JavaScript (with the flag `u`) and Oniguruma read alike."""

split_words = re.compile(PATTERN).findall
"""Returns the words of a text."""

_is_of_marks = re.compile(f" ?[{_MARKS}]+").fullmatch


def merge_order(piece: str) -> int:
    """Return which pieces are merged first by a program that does not split a text into words.

    Marks, so that a quote is not taken for an apostrophe; spaces last, so that one of them goes to
    the word behind them. A word has pieces of one kind, so that with a split nothing changes.
    """
    return 0 if _is_of_marks(piece) else 2 if not piece.strip(" ") else 1
