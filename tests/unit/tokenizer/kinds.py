"""Tokenizers of every kind."""

import pytest

from lumina_cli.tokenizer.base import Tokenizer
from lumina_cli.tokenizer.bpe.tokenizer import BpeTokenizer
from lumina_cli.tokenizer.characters import CharacterTokenizer
from tests.unit.tokenizer.pieces import PieceTokenizer

KINDS: list[Tokenizer] = [
    CharacterTokenizer("ba é"),
    BpeTokenizer("ba é", [("a", "b"), ("b", "a"), (" ", "ba"), ("ab", "é"), ("b", "b")], added="x"),
    PieceTokenizer("ba é", ["ab", "ba ", "aéa", "€", "bb"], "x"),
]


every_kind = pytest.mark.parametrize("tokenizer", KINDS, ids=lambda tokenizer: tokenizer.kind)
