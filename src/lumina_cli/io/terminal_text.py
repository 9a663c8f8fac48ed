"""What of a text may be shown: a terminal obeys control characters, so they are left out.

Two kinds are taken away. C0, C1 and DEL move the cursor and paint over what was said before.
The overrides, embeddings and isolates of bidirectional text show characters in another order than
they stand in: a name ends in another suffix than it seems. What scripts and emoji need stays
(joiners, marks of direction, variation selectors).
"""

import re

_CONTROLS = {*range(0x20), *range(0x7F, 0xA0)} - {ord("\n"), ord("\t")}
_REORDERING = {*range(0x202A, 0x202F), *range(0x2066, 0x206A)}
_WITHOUT_CONTROLS = dict.fromkeys(_CONTROLS | _REORDERING)

_LINE_ENDS = re.compile("[\n\v\f\r\x1c-\x1e\x85\u2028\u2029]+")
_INVISIBLE = re.compile(
    "[\u00ad\u200b\u2060-\u2064\u206a-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)

MAX_LINE_CHARS = 500
"""More than a person reads in one line; a name in it is shortened in its middle."""


def strip_controls(text: str) -> str:
    """Remove C0 and C1 controls, DEL and bidirectional controls; newline and tab stay."""
    return text.translate(_WITHOUT_CONTROLS)


def one_line(text: str, *, max_chars: int = MAX_LINE_CHARS) -> str:
    """Return a text as one line to be shown, without what can't be seen; cut in its middle.

    Its end stays: what is wrong often stands behind a long name.
    """
    text = _cut(text, max_chars=4 * max_chars)  # never more work than for a few lines
    shown = strip_controls(_INVISIBLE.sub("", _LINE_ENDS.sub(" ", text)))
    return _cut(shown, max_chars=max_chars)


def _cut(text: str, *, max_chars: int) -> str:
    if len(text) <= max_chars:
        return text
    num_end = max_chars // 2
    return f"{text[: max_chars - num_end - 1]}…{text[-num_end:]}"
