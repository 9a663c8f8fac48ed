"""What is counted of data, by hand."""

import string
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumina_cli.conversation import Conversation, Document, Message, PlainText
from lumina_cli.data.config import DataConfig
from lumina_cli.data.stats.scripts import script_of
from lumina_cli.data.stats.survey import Survey, Surveyor
from lumina_cli.tokenizer.characters import CharacterTokenizer
from lumina_cli.tokenizer.chat_format import encode_document
from tests.unit.data.reading import SHARED, needs_shared_data, read


def survey(*documents: Document, seq_length: int = 10, min_char_count: int = 2) -> Survey:
    return Surveyor(seq_length=seq_length, min_char_count=min_char_count).look(documents)


def chat(*texts: str) -> Conversation:
    roles = ("user", "bot") * len(texts)
    return Conversation(tuple(Message(role, text) for role, text in zip(roles, texts)))  # noqa: B905


def test_characters_are_counted_once_for_each_distinct_one() -> None:
    found = survey(chat("aab", "b"), PlainText("ccé"))
    assert found.distinct_characters == 4
    assert (found.rare_characters, found.rare_examples) == (1, "é")


def test_ids_are_those_that_encoding_gives() -> None:
    documents = [chat("aab", "b😀"), PlainText("cc", ends=False), PlainText("é", starts=False)]
    tokenizer = CharacterTokenizer("abc")
    encoded = [encode_document(each, tokenizer=tokenizer, loss_on="all") for each in documents]
    assert survey(*documents).ids == sum(len(each.ids) for each in encoded)


def test_lengths_are_measured_against_the_window() -> None:
    fits = chat("abc", "de")  # 1 + 2 + 3 + 2 + 2 = 10 ids
    found = survey(fits, chat("abc", "def"), PlainText("a" * 8), PlainText("a" * 9))
    assert found.documents == 4
    assert found.too_long == 2
    assert found.longest_message == 3


def test_duplicates_are_those_behind_the_first() -> None:
    same = chat("a", "b")
    found = survey(same, same, chat("a", "c"), same, PlainText("a"), PlainText("a"))
    assert found.duplicates == 3


def test_a_text_in_stretches_is_one_document() -> None:
    stretches = [PlainText("aaaaaaaa", ends=False), PlainText("bbb", starts=False)]
    found = survey(*stretches, PlainText("aaaaaaaabbb"))
    assert (found.documents, found.duplicates, found.too_long) == (2, 1, 2)


def test_previews_are_short_and_few() -> None:
    found = survey(*(PlainText("x" * 10_000) for _ in range(9)))
    assert [len(each.text) for each in found.previews if isinstance(each, PlainText)] == [280] * 3


@pytest.mark.parametrize(
    ("character", "script"),
    [
        ("a", "Latin"),
        ("é", "Latin"),
        ("ж", "Cyrillic"),
        ("ω", "Greek"),
        ("日", "Han"),
        ("あ", "Hiragana"),
        ("ア", "Katakana"),
        ("한", "Hangul"),
        ("ש", "Hebrew"),
        ("ع", "Arabic"),
        ("क", "Devanagari"),
        ("ி", "Tamil"),
        ("က", "Myanmar"),
        ("7", "digits"),
        (".", "punctuation"),
        ("😀", "symbols and emoji"),
        (" ", "spaces"),
        ("\n", "spaces"),
        ("\x00", "control and unassigned"),
        ("\u0301", "other letters"),
        ("ａ", "other letters"),
    ],
)
def test_scripts_have_their_names(character: str, script: str) -> None:
    assert script_of(character) == script


@given(st.characters())
def test_every_character_is_of_some_script(character: str) -> None:
    assert script_of(character)


def test_all_ascii_letters_are_latin() -> None:
    assert {script_of(letter) for letter in string.ascii_letters} == {"Latin"}
    assert unicodedata.name("a").startswith("LATIN")


@needs_shared_data
def test_a_known_book_is_counted_as_a_set_counts_it() -> None:
    path = SHARED / "text" / "tinyshakespeare.txt"
    text = path.read_text(encoding="utf-8")
    documents, _ = read(path)
    found = Surveyor(seq_length=256, min_char_count=1).look(documents)
    assert found.distinct_characters == len(set(text)) == 65
    assert found.ids == len(text) + 2
    assert found.scripts["Latin"] == sum(letter.isalpha() for letter in text)


def test_fingerprints_follow_content_and_settings_and_nothing_else(tmp_path: Path) -> None:
    from lumina_cli.data.documents import Documents

    def fingerprint(text: str, name: str = "x.txt", **settings: object) -> str:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return Documents([path], config=DataConfig(**settings)).fingerprint

    same = fingerprint("hello")
    assert fingerprint("hello", "another.txt") == same
    assert fingerprint("hello", loss_on="bot", val_fraction=0.2) == same
    others = [
        fingerprint("hallo"),
        fingerprint("hello", "x.jsonl"),
        fingerprint("hello", oasst_lang="de"),
        fingerprint("hello", format="text"),
        fingerprint("hello", oasst_paths="all"),
    ]
    assert len({same, *others}) == 6
