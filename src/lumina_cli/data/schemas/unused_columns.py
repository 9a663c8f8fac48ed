"""Text of a row under keys that no schema reads: it is reported, not dropped in silence.

Metadata (ids, scores, languages, dates …) is not reported: nobody would train on it.
"""

import re
from collections.abc import Collection, Iterator
from functools import lru_cache
from itertools import islice

from lumina_cli.data.rows import Record, RowNotes

MAX_KEYS = 24
"""So many keys are reported by name; rows with ever new keys would fill the memory."""

_METADATA = re.compile(
    r"""
      _.* | n_.* | num_.*
    | authors? | categor(y|ies) | channel | cluster | collection | country | created | dataset
    | data_source | dates? | dialect | difficulty | domain | entry_point | file | filename
    | generator | genre | group | hash | header | idx? | ids | index | info | instance | intent
    | key | labels? | lang | languages? | level | licen[cs]e | link | locale | meta | metadata
    | model | moderation | names? | origin | part | path | provenance | publisher | quality
    | rank | rating | redacted | revision | scores? | seed | sentiment | session | sha\d* | sources?
    | speaker | split | state | status | style | subset | tags? | tasks? | time | timestamp
    | title | tokens | tone | topics? | toxic | toxicity | type | updated | ur[il]s? | user
    | username | uuid | vertical | version | weight
    | .*_(at | by | code | count | date | difficulty | file | hash | ids? | index | key | lang
    | language | length | model | name | path | quality | score | source | state | tags? | time
    | tokens | topic | type | ur[il] | uuid | version)
    """,
    re.IGNORECASE | re.VERBOSE,
)
_MAX_KEY_CHARS = 100
"""Keys are kept in a cache; a thousand of a megabyte each would fill the memory."""
_MIN_WORDS = 3
_MIN_CHARS = 8
_MAX_VALUES = 50
"""Of a list or an object, that are looked at for text."""


def report_unused_columns(
    record: Record, *, used: Collection[str], notes: RowNotes, texts: Collection[str] = ()
) -> None:
    """Report the keys of a row that hold text and were not read.

    Args:
        record: the row.
        used: the keys that were read.
        notes: where they are reported.
        texts: what was read; the same text under another key is no loss.
    """
    for key, value in record.items():
        if not value or key in used or is_metadata(key):
            continue
        if _holds_text(value) and not (isinstance(value, str) and value in texts):
            notices = notes.report.notices
            wording = f"there is text under {key[:40]!r}, which is not read"
            if len(notices) >= MAX_KEYS and not notices[wording]:
                wording = "there is text under still other keys, which is not read"
            notes.notice(wording, example=_beginning(value))


def is_metadata(key: str) -> bool:
    """Say whether a key, by its name, holds metadata."""
    return _is_metadata(key[:_MAX_KEY_CHARS])


@lru_cache(maxsize=1024)
def _is_metadata(key: str) -> bool:
    return _METADATA.fullmatch(key) is not None


def _holds_text(value: object) -> bool:
    """Say whether a value is prose, not a code: three words, or a few letters beyond ASCII."""
    return any(map(_is_prose, _texts_in(value)))


def _is_prose(text: str) -> bool:
    if len(text.split(None, _MIN_WORDS)) >= _MIN_WORDS:
        return True
    return not text.isascii() and len(text.strip()) >= _MIN_CHARS


def _texts_in(value: object) -> Iterator[str]:
    """Yield the first texts in lists and objects, however deep; metadata in objects apart."""
    waiting, num_seen = [value], 0
    while waiting and num_seen < _MAX_VALUES:
        value = waiting.pop()
        num_seen += 1
        if isinstance(value, str):
            yield value
        elif isinstance(value, list | tuple):
            waiting += reversed(value[:_MAX_VALUES])
        elif isinstance(value, dict):
            inner = islice(value.items(), _MAX_VALUES)
            waiting += [each for key, each in inner if not is_metadata(str(key))][::-1]


def _beginning(value: object) -> str:
    """Return how the first prose in a value begins."""
    return next((text[:40] for text in _texts_in(value) if _is_prose(text)), "")
