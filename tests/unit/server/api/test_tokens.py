"""Ids as entries of log-probabilities."""

import pytest

from lumina_cli.core.inference.stopping import GenerationChunk
from lumina_cli.server.api.tokens import TokenEntries, legacy_logprobs
from lumina_cli.tokenizer.characters import CharacterTokenizer

TOKENIZER = CharacterTokenizer("ab")
A, B, END = 262, 263, 5
FIRST, SECOND = 6 + 0xC3, 6 + 0xA9
"""The bytes of é."""


def test_a_character_is_a_token_with_its_bytes_and_its_rivals() -> None:
    top = ((B, -0.1), (A, -2.0), (END, -3.0), (FIRST, -4.0), (6 + 0x41, -5.0))
    (entry,) = TokenEntries(TOKENIZER).take([GenerationChunk("a", A, -2.0, top)])
    assert entry == {
        "token": "a",
        "logprob": -2.0,
        "bytes": [0x61],
        "top_logprobs": [
            {"token": "b", "logprob": -0.1, "bytes": [0x62]},
            {"token": "a", "logprob": -2.0, "bytes": [0x61]},
            {"token": "<|end|>", "logprob": -3.0, "bytes": None},
            {"token": "<C3>", "logprob": -4.0, "bytes": [0xC3]},
            {"token": "A", "logprob": -5.0, "bytes": [0x41]},
        ],
    }


def test_half_a_character_waits_for_the_whole_one() -> None:
    entries = TokenEntries(TOKENIZER)
    assert entries.take([GenerationChunk("", FIRST, -1.0)]) == []
    taken = entries.take([GenerationChunk("é", SECOND, -0.5), GenerationChunk("a", A, -0.1)])
    assert [entry["bytes"] for entry in taken] == [[0xC3], [0xA9], [0x61]]
    assert [entry["token"] for entry in taken] == ["<C3>", "<A9>", "a"]


def test_the_end_of_a_text_is_no_entry() -> None:
    assert TokenEntries(TOKENIZER).take([GenerationChunk("", END, -1.0)]) == []


def test_the_older_form_counts_characters_from_the_beginning_of_the_text() -> None:
    chunks = [GenerationChunk("a", A, -1.0, ((A, -1.0), (B, -1.5))), GenerationChunk("b", B, -2.0)]
    entries = TokenEntries(TOKENIZER).take(chunks)
    assert legacy_logprobs(entries, offset=3) == {
        "tokens": ["a", "b"],
        "token_logprobs": [-1.0, -2.0],
        "top_logprobs": [{"a": -1.0, "b": -1.5}, {}],
        "text_offset": pytest.approx([3, 4]),
    }
