"""What every tokenizer promises, and that nothing outside the package asks which kind it is."""

import re
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import lumina_cli
from lumina_cli.tokenizer.base import Tokenizer
from lumina_cli.tokenizer.special_ids import FIRST_BYTE, FIRST_CHARACTER, Special
from tests.unit.tokenizer.kinds import every_kind

TEXTS = st.text(st.one_of(st.sampled_from("abé€ "), st.characters(exclude_categories=["Cs"])))


@every_kind
@given(text=TEXTS)
def test_every_text_comes_back_from_its_ids(tokenizer: Tokenizer, text: str) -> None:
    ids = tokenizer.encode(text)
    assert all(len(Special) <= id_ < tokenizer.vocab_size for id_ in ids)
    assert tokenizer.decode(ids) == text
    assert tokenizer.decode([Special.BEGIN, *ids, Special.END]) == text


@every_kind
@given(texts=st.lists(TEXTS, max_size=4))
def test_many_texts_have_the_ids_of_each(tokenizer: Tokenizer, texts: list[str]) -> None:
    ids, begins = tokenizer.encode_batch(texts)
    parts = [part.tolist() for part in np.split(ids, begins[1:-1])] if texts else []
    assert parts == [tokenizer.encode(text) for text in texts]


@every_kind
@given(text=TEXTS)
def test_ids_stand_for_the_characters_of_the_text(tokenizer: Tokenizer, text: str) -> None:
    ids = np.array([Special.BEGIN, *tokenizer.encode(text), Special.END])
    assert tokenizer.num_chars(ids) == len(text)
    assert sum(tokenizer.num_chars(ids[at : at + 1]) for at in range(len(ids))) == len(text)
    assert len(text) <= (len(ids) - 2) * tokenizer.max_chars_per_id
    assert len(ids) - 2 <= len(text) * tokenizer.max_ids_per_char


@every_kind
@given(text=TEXTS)
def test_the_mask_lets_every_text_through_and_ends_it_between_characters(
    tokenizer: Tokenizer, text: str
) -> None:
    mask, decoder, said = tokenizer.next_id_mask(), tokenizer.stream_decoder(), ""
    for id_ in tokenizer.encode(text):
        assert mask[decoder.state, id_]
        said += decoder.decode(id_)
    assert said == text
    assert mask[decoder.state, Special.END]
    assert not mask[:, [s for s in Special if s != Special.END]].any()


@every_kind
@given(text=TEXTS, at=st.integers(0, 20))
def test_a_copy_of_a_decoder_goes_on_by_itself(tokenizer: Tokenizer, text: str, at: int) -> None:
    ids, decoder = tokenizer.encode(text), tokenizer.stream_decoder()
    said = "".join(map(decoder.decode, ids[:at]))
    other = decoder.copy()
    decoder.decode(FIRST_BYTE + 0xE2)
    assert said + "".join(map(other.decode, ids[at:])) + other.flush() == text


@every_kind
@given(characters=st.text(st.characters(min_codepoint=0x400, max_codepoint=0x4FF), max_size=5))
def test_characters_are_added_behind_all_ids_and_taken_away(
    tokenizer: Tokenizer, characters: str
) -> None:
    added = "".join(dict.fromkeys(characters))
    after = tokenizer.extended(added)
    assert after.vocab_size == tokenizer.vocab_size + len(added)
    assert after.encode(added) == list(range(tokenizer.vocab_size, after.vocab_size))
    assert after.encode("ab ba") == tokenizer.encode("ab ba")
    assert after.added_characters(tokenizer.vocab_size) == added
    assert after.truncated(tokenizer.vocab_size) == tokenizer
    assert after.extends(tokenizer)
    assert tokenizer.extends(after) == (not added)
    assert (after.fingerprint == tokenizer.fingerprint) == (not added)


@every_kind
def test_ids_are_shown_by_text_byte_or_tag(tokenizer: Tokenizer) -> None:
    assert tokenizer.describe(Special.END) == "<|end|>"
    assert tokenizer.describe(FIRST_BYTE + 0xE2) == "<E2>"
    for id_ in range(FIRST_CHARACTER, tokenizer.vocab_size):
        assert tokenizer.describe(id_) == tokenizer.decode([id_])


ASKS_FOR_A_KIND = re.compile(
    r"(Character|Bpe)Tokenizer|FIRST_(BYTE|CHARACTER)|tokenizer\.(kind|characters\b(?!_))"
)

TELLS_IT = ["server/api/routes.py: tokenizer.kind"]
"""Who tells people which kind it is, and does nothing else with it."""


def test_nothing_outside_the_package_asks_which_kind_it_is() -> None:
    root = Path(lumina_cli.__file__).parent
    found = [
        f"{path.relative_to(root)}: {match[0]}"
        for path in root.rglob("*.py")
        if path.relative_to(root).parts[0] != "tokenizer"
        for match in ASKS_FOR_A_KIND.finditer(path.read_text(encoding="utf-8"))
    ]
    assert found == TELLS_IT
