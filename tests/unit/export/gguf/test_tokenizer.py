import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumina_cli.errors import UsageError
from lumina_cli.export.gguf.tokenizer import TokenType, gguf_tag, gguf_vocabulary, reads_alike
from lumina_cli.tokenizer.bpe.tokenizer import BpeTokenizer
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


SUBWORDS = BpeTokenizer(
    " abt'’.é\n\t漢",
    [(" ", " "), ("'", "t"), (" ", "'"), (" ", "a"), (" a", "b"), ("a", "b"), ("  ", "  "),
     ("b", "'t"), ("ab", "é"), (".", "."), ("漢", "漢"), ("\n", "\n"), (" ", ".")],
    added="x",
)  # fmt: skip
MERGED = gguf_vocabulary(SUBWORDS.bpe_table())


def line_by_line(text: str) -> list[int]:
    """What llama.cpp reads by its kind `gemma4`: merges within a line, then bytes."""
    ranks = {merge: rank for rank, merge in enumerate(MERGED.merges)}
    known = {token: id_ for id_, token in enumerate(MERGED.tokens)}
    ids: list[int] = []
    for line in re.findall("[^\n]+|\n+", text.replace(" ", "\u2581")):
        parts = [line] if line in known and not line.strip("\n") else list(line)
        while True:
            pairs = [ranks.get(f"{a} {b}", len(ranks)) for a, b in pairwise(parts)]
            if min(pairs, default=len(ranks)) == len(ranks):
                break
            first = pairs.index(min(pairs))
            parts[first : first + 2] = ["".join(parts[first : first + 2])]
        for part in parts:
            in_bytes = [f"<0x{byte:02X}>" for byte in part.encode()]
            ids += map(known.__getitem__, [part] if part in known else in_bytes)
    return ids


MAY_DIFFER = re.compile(r"  |(?<![^\W\d_])['’]\w|\w['’](?!\w)|['’]\w+['’]|\w{32}|\n\s|\s\n")


@given(
    st.text(st.sampled_from(" abt'’.é\n漢x1字"), max_size=40).filter(
        lambda t: not MAY_DIFFER.search(t)
    )
)
def test_subwords_are_cut_alike_but_for_what_the_docs_name(text: str) -> None:
    assert line_by_line(text) == SUBWORDS.encode(text)


@pytest.mark.parametrize("text", ["   ab'té", "    ab", " 'té", "x 'tab' .."])
def test_marks_are_merged_before_apostrophes_and_spaces_last(text: str) -> None:
    assert line_by_line(text) == SUBWORDS.encode(text)


@given(st.text(st.sampled_from(" abt'’.é\n\t漢x1字"), max_size=40))
def test_what_is_cut_otherwise_is_the_same_text(text: str) -> None:
    assert reads_alike(text, SUBWORDS.decode(line_by_line(text)))


def test_subwords_are_written_with_their_spaces_and_bytes_by_their_names() -> None:
    assert MERGED.tokens[6 + 0x41] == "<0x41>"
    assert (MERGED.types[5], MERGED.types[6], MERGED.types[262]) == (
        TokenType.CONTROL, TokenType.BYTE, TokenType.NORMAL,
    )  # fmt: skip
    assert {"\u2581a b", "\u2581 \u2581"} <= set(MERGED.merges)
    assert MERGED.tokens[-1] == "x"


def test_a_character_that_llama_cpp_takes_for_a_space_is_refused() -> None:
    with pytest.raises(UsageError, match="for a space"):
        gguf_vocabulary(BpeTokenizer("ab\u2581", [("a", "b")]).bpe_table())
