"""Tokenizers that somebody wrote by hand: refused, or harmless; soon, whatever they hold."""

import json
from typing import Any

import numpy as np
import pytest

from lumina_cli.errors import DataError
from lumina_cli.tokenizer.base import NewerTokenizerError, Tokenizer
from lumina_cli.tokenizer.registry import tokenizer_from_json
from lumina_cli.tokenizer.special_ids import NUM_SPECIAL


def stored(**changes: object) -> dict[str, object]:
    plain = {"characters": "ab", "merges": [["a", "b"]], "chars_per_id": 1.0}
    return {"kind": "bpe", "version": 1, **plain, **changes}


def spelled(text: str) -> list[list[str]]:
    """Return merges that make a text, a character more each time."""
    return [[text[:end], text[end]] for end in range(1, len(text))]


def cjk(count: int) -> str:
    return "".join(map(chr, range(0x4E00, 0x4E00 + count)))


def all_pairs(count: int) -> dict[str, object]:
    characters = cjk(count)
    merges = [[left, right] for left in characters for right in characters]
    return {"characters": characters, "merges": merges}


DOUBLED = [["a" * 2**power] * 2 for power in range(20)]
FIBONACCI = [["a", "b"], ["ab", "a"], ["aba", "ab"], ["abaab", "aba"], ["abaababa", "abaab"]]
FIBONACCI += [["abaababaabaab", "abaababa"], ["abaababaabaababaababa", "abaababaabaab"]]
MANY = {"characters": cjk(20_000), "added": "".join(map(chr, range(0x20000, 0x20000 + 46_000)))}

BEFORE, TWICE, LONG = "not there before", "twice", "over 32 characters"
NO_PAIR, NO_MERGES, NO_CHARACTERS = "no pair", "no merges", "no characters"
CANT, HALF, MORE = "can't stand for", "UTF-16", "more than 65,536"

REFUSED: list[tuple[dict[str, object], str]] = [
    # halves that are not there, or only later
    ({"merges": [["a", "c"]]}, BEFORE),
    ({"merges": [["ab", "a"], ["a", "b"]]}, BEFORE),
    ({"merges": [["ab", "a"], ["ba", "b"], ["a", "b"], ["b", "a"]]}, BEFORE),
    ({"merges": [["ab", "ab"]]}, BEFORE),
    ({"merges": [["a", ""]]}, BEFORE),
    ({"merges": [["", ""]]}, BEFORE),
    ({"merges": [["a" * 5_000_000, "b"]]}, BEFORE),
    ({"added": "c", "merges": [["a", "c"]]}, BEFORE),
    # halves that are ids of another kind: tags, bytes
    ({"merges": [["<|end|>", "a"]]}, BEFORE),
    ({"merges": [["<61>", "<62>"]]}, BEFORE),
    ({"merges": [["\xe2", "\x82"], ["\xe2\x82", "\xac"]]}, BEFORE),
    # a text that stands twice
    ({"merges": [["a", "b"], ["a", "b"]]}, TWICE),
    ({"merges": [["a", "b"], ["ab", "a"], ["b", "a"], ["a", "ba"]]}, TWICE),
    ({"merges": [["a", "b"]] * 10_000}, TWICE),
    ({"characters": "aba"}, TWICE),
    ({"characters": "a" * 5_000_000}, TWICE),
    ({"added": "a"}, TWICE),
    ({"added": "cc"}, TWICE),
    # pieces that grow
    ({"merges": DOUBLED}, LONG),
    ({"merges": FIBONACCI}, LONG),
    ({"characters": "a", "merges": spelled("a" * 33)}, LONG),
    # halves of characters
    ({"characters": "a\ud800"}, HALF),
    ({"characters": "\ud83d\ude00"}, HALF),
    ({"added": "\udfff"}, HALF),
    ({"merges": [["\ud83d", "\ude00"]]}, BEFORE),
    # too many
    (all_pairs(256), MORE),
    ({"merges": [["a", "b"]] * 100_000}, MORE),
    (MANY, MORE),
    # other values
    ({"characters": ["a", "b"]}, NO_CHARACTERS),
    ({"characters": {"a": 1}}, NO_CHARACTERS),
    ({"characters": None}, NO_CHARACTERS),
    ({"characters": b"ab"}, NO_CHARACTERS),
    ({"added": 3}, NO_CHARACTERS),
    ({"added": ["c"]}, NO_CHARACTERS),
    ({"added": None}, NO_CHARACTERS),
    ({"merges": None}, NO_MERGES),
    ({"merges": {"a": "b"}}, NO_MERGES),
    ({"merges": "ab"}, NO_MERGES),
    ({"merges": ["ab"]}, NO_PAIR),
    ({"merges": [["a"]]}, NO_PAIR),
    ({"merges": [[]]}, NO_PAIR),
    ({"merges": [None]}, NO_PAIR),
    ({"merges": [["a", "b", "a"]]}, NO_PAIR),
    ({"merges": [["a", 1]]}, NO_PAIR),
    ({"merges": [[True, False]]}, NO_PAIR),
    ({"merges": [[["a"], "b"]]}, NO_PAIR),
    ({"chars_per_id": 0.0}, CANT),
    ({"chars_per_id": -1.0}, CANT),
    ({"chars_per_id": float("nan")}, CANT),
    ({"chars_per_id": float("inf")}, CANT),
    ({"chars_per_id": 1e9}, CANT),
    ({"chars_per_id": 1e-300}, CANT),
    ({"chars_per_id": 10**400}, CANT),
    ({"chars_per_id": True}, CANT),
    ({"chars_per_id": "2"}, CANT),
    ({"chars_per_id": [1.0]}, CANT),
    ({"kind": ["bpe"]}, "no tokenizer"),
    ({"kind": None}, "no tokenizer"),
]


@pytest.mark.parametrize(("changes", "says"), REFUSED)
def test_what_is_forged_is_refused(changes: dict[str, object], says: str) -> None:
    with pytest.raises(DataError, match=says):
        tokenizer_from_json(stored(**changes))


@pytest.mark.parametrize(
    "changes",
    [{"version": version} for version in (2, 0, "1", None, [1], 10**400)]
    + [{"kind": kind} for kind in ("BPE", "bpe\0", "__class__", "x" * 1_000_000)],
)
def test_another_version_is_told_as_such_and_in_short(changes: dict[str, object]) -> None:
    with pytest.raises(NewerTokenizerError) as caught:
        tokenizer_from_json(stored(**changes))
    assert len(caught.value.message) < 500


HARMLESS: list[dict[str, object]] = [
    {"characters": "", "merges": []},
    {"characters": "<|end>", "merges": spelled("<|end|>")},
    {"characters": "<|\ufdd0end>", "merges": spelled("<|\ufdd0end|>")},
    {"characters": "<0xE2>", "merges": spelled("<0xE2>")},
    {"characters": "\x80\xe2\x82\xac", "merges": [["\xe2", "\x82"], ["\xe2\x82", "\xac"]]},
    {"characters": "\ufffda", "merges": [["\ufffd", "a"]]},
    {"characters": "\0a", "merges": [["\0", "a"]]},
    {"characters": "\x1b[2J\u202e", "merges": spelled("\x1b[2J\u202e")},
    {"characters": "a b.1\n", "merges": [["a", " "], ["a ", "b"], ["1", "1"], ["\n", "a"]]},
    {"characters": "a", "merges": spelled("a" * 32)},
    {"chars_per_id": 32.0},
    {"chars_per_id": 0.25},
    {"kind": "characters"},  # its merges say nothing there
    {"more": "x" * 1000},
    {"characters": "a" + cjk(8_000), "merges": [["a", other] for other in cjk(8_000)]},
    all_pairs(90),
]

TEXTS = [
    "",
    " ",
    "a",
    "abab ab",
    "a b.11\n\na",
    "a" * 50,
    "<|end|><0xE2>€",
    "\0a\x1b[2J\u202e",
    "é丁a丂",
]


@pytest.mark.parametrize("changes", HARMLESS)
def test_what_is_odd_and_no_forgery_does_no_harm(changes: dict[str, Any]) -> None:
    tokenizer = tokenizer_from_json(stored(**changes))
    assert tokenizer_from_json(json.loads(json.dumps(tokenizer.to_json()))) == tokenizer
    for text in TEXTS:
        check(tokenizer, text)


def check(tokenizer: Tokenizer, text: str) -> None:
    """A text stays what it is, makes no special id, and can be gone on with."""
    ids = tokenizer.encode(text)
    assert min(ids, default=NUM_SPECIAL) >= NUM_SPECIAL
    assert tokenizer.decode(ids) == text
    assert tokenizer.num_chars(np.array(ids, dtype=np.int64)) == len(text)
    kept, held = tokenizer.without_open_end(ids)
    assert tokenizer.decode(kept) + held == text
    ways = tokenizer.ways_on(held) if held else []
    assert all(tokenizer.decode(way).startswith(held) for way in ways)
