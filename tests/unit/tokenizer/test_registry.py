"""Tokenizers are stored by their kind, and come back."""

import json

import pytest

from lumina_cli.errors import DataError
from lumina_cli.tokenizer.base import NewerTokenizerError, Tokenizer
from lumina_cli.tokenizer.registry import TOKENIZERS, tokenizer_from_json
from tests.unit.tokenizer.kinds import KINDS, every_kind
from tests.unit.tokenizer.pieces import PieceTokenizer


@every_kind
def test_a_tokenizer_is_stored_by_its_kind(
    tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(TOKENIZERS, PieceTokenizer.kind, PieceTokenizer)
    stored = json.loads(json.dumps(tokenizer.to_json()))
    assert stored["kind"] == tokenizer.kind
    assert tokenizer_from_json(stored) == tokenizer


def test_a_kind_that_is_not_known_was_stored_by_a_newer_version() -> None:
    with pytest.raises(NewerTokenizerError, match="knows no tokenizer 'pieces'"):
        tokenizer_from_json(KINDS[-1].to_json())


@pytest.mark.parametrize("stored", [None, [], "abc", {}, {"kind": 5}, {"kind": None}])
def test_what_is_no_tokenizer_is_refused(stored: object) -> None:
    with pytest.raises(DataError, match="no tokenizer"):
        tokenizer_from_json(stored)
