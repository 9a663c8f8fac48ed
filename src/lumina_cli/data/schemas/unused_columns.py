"""Text of a row that stands under keys no reader knows: it is told, not dropped in silence.

What is about a row (ids, scores, languages, dates) is not told: nobody would learn from it.
"""

import re
from collections.abc import Collection
from functools import lru_cache

from lumina_cli.data.schemas.fields import Record, RowNotes

MOST_KEYS = 24
"""Keys that are named; rows that each bring new ones would fill the memory."""

_ABOUT = re.compile(
    r"""
      _.* | n_.* | num_.*
    | authors? | categor(y|ies) | channel | cluster | collection | country | created | dataset
    | data_source | dates? | dialect | difficulty | domain | entry_point | file | filename
    | generator | genre | group | hash | header | idx? | ids | index | info | instance | intent
    | key | labels? | lang | languages? | level | licen[cs]e | link | locale | meta | metadata
    | model | moderation | names? | origin | part | path | provenance | publisher | quality
    | rank | rating | redacted | revision | scores? | seed | session | sha\d* | sources?
    | speaker | split | state | status | style | subset | tags? | tasks? | time | timestamp
    | title | tokens | tone | topics? | toxic | toxicity | type | updated | ur[il]s? | user
    | username | uuid | vertical | version | weight
    | .*_(at | by | code | count | date | difficulty | file | hash | ids? | index | key | lang
    | language | length | model | name | path | quality | score | source | state | tags? | time
    | tokens | topic | type | ur[il] | uuid | version)
    """,
    re.IGNORECASE | re.VERBOSE,
)
_FEWEST_WORDS = 3
_FEWEST_CHARACTERS = 8


def tell_unread(
    record: Record, *, read: Collection[str], notes: RowNotes, texts: Collection[str] = ()
) -> None:
    """Tell of the keys of a row beside those that were read, where they hold text.

    Args:
        record: the row.
        read: the keys that were read.
        notes: where it is told.
        texts: what was read; the same text under another key is no loss.
    """
    for key, value in record.items():
        if not value or key in read or is_about(key):
            continue
        if _holds_text(value) and not (isinstance(value, str) and value in texts):
            notices = notes.report.notices
            wording = f"there is text under {key[:40]!r}, which is not read"
            if len(notices) >= MOST_KEYS and not notices[wording]:
                wording = "there is text under still other keys, which is not read"
            notes.notice(wording, example=_beginning(value))


@lru_cache(maxsize=1024)
def is_about(key: str) -> bool:
    """Say whether a key, by its name, holds what is about a row and not in it."""
    return _ABOUT.fullmatch(key) is not None


def _holds_text(value: object) -> bool:
    """Say whether a value is words, not a code: three of them, or a few letters beyond ASCII."""
    if isinstance(value, str):
        if len(value.split(None, _FEWEST_WORDS)) >= _FEWEST_WORDS:
            return True
        return not value.isascii() and len(value.strip()) >= _FEWEST_CHARACTERS
    if isinstance(value, list | tuple):
        return bool(value) and _holds_text(value[0])
    if isinstance(value, dict) and "role" in value:
        return _holds_text(value.get("content"))
    return False


def _beginning(value: object) -> str:
    return value[:40] if isinstance(value, str) else ""
