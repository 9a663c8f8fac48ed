import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumina_cli.errors import UsageError
from lumina_cli.export.gguf.tokenizer import TokenType, gguf_tag, gguf_vocabulary
from lumina_cli.tokenizer.bpe_table import BpeTable
from lumina_cli.tokenizer.characters import CharacterTokenizer
from lumina_cli.tokenizer.special_ids import Special

TOKENIZER = CharacterTokenizer("a\\\n\u2581é漢🙂x")
VOCABULARY = gguf_vocabulary(TOKENIZER.bpe_table())
NEAR = "a\\\n\u2581é漢字漣🙂🙃xf|<"
TEXTS = st.text(st.one_of(st.sampled_from(NEAR), st.characters(exclude_categories=["Cs"])))


def unescaped(token: str) -> bytes:
    """What llama.cpp reads of a token of the kind `rwkv`."""
    parts = re.findall(r"\\x([0-9a-f]{2})|\\(.)|([^\\])", token, re.DOTALL)
    return b"".join(
        bytes.fromhex(code) if code else (escaped or char).encode() for code, escaped, char in parts
    )


BYTES = {unescaped(token): id_ for id_, token in enumerate(VOCABULARY.tokens)}


@given(text=TEXTS)
def test_the_longest_token_each_time_gives_the_same_ids(text: str) -> None:
    rest, ids = text.encode(), []
    while rest:
        longest = max((token for token in BYTES if rest.startswith(token)), key=len)
        ids.append(BYTES[longest])
        rest = rest[len(longest) :]
    assert ids == TOKENIZER.encode(text)


def test_no_two_tokens_are_called_the_same() -> None:
    assert len(set(VOCABULARY.tokens)) == len(VOCABULARY.tokens) == TOKENIZER.vocab_size
    assert VOCABULARY.types == (TokenType.CONTROL,) * 6 + (TokenType.NORMAL,) * (256 + 8)


@pytest.mark.parametrize("special", Special)
def test_a_tag_is_in_no_text(special: Special) -> None:
    with pytest.raises(UnicodeDecodeError):
        unescaped(gguf_tag(special)).decode()
    assert "\ufdd0" in gguf_tag(special)


def test_pieces_are_refused() -> None:
    with pytest.raises(UsageError, match="characters only"):
        gguf_vocabulary(BpeTable(("a", "b", "ab"), (("a", "b"),)))
