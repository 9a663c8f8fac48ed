"""Text that was damaged before it was read."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumina_cli.data.text_repair import fix_mojibake
from tests.unit.data.reading import (
    SHARED,
    among_good_rows,
    as_json_lines,
    needs_shared_data,
    plain,
    read,
    said,
    write_bytes,
)


def test_half_a_character_becomes_a_replacement_character_and_is_told(tmp_path: Path) -> None:
    path = among_good_rows(tmp_path, '{"user": "\\ud83d alone", "bot": "\\ude00\\ud83d"}')
    documents, report = read(path)
    assert said(documents[-1]) == [("user", "\ufffd alone"), ("bot", "\ufffd\ufffd")]
    [(wording, issue)] = report.notices
    assert "lone surrogate" in wording
    assert (issue.count, str(issue.first)) == (2, f"{path}:61")


@pytest.mark.parametrize(
    ("text", "line"),
    [("My chats\n\n<|user|>Hi\n<|bot|>Ho\n", 3), ("  <|user|>Hi\n  <|bot|>Ho\n", 1)],
)
def test_a_chat_that_is_taken_for_plain_text_is_told_of(
    tmp_path: Path, text: str, line: int
) -> None:
    path = write_bytes(tmp_path / "x.txt", text.encode())
    documents, report = read(path)
    assert plain(documents) == text
    [(wording, issue)] = report.notices
    assert "plain text, although lines begin with tags" in wording
    assert (issue.first.line, issue.example) == (line, "<|user|>")


def test_a_tag_inside_a_line_is_told_for_what_it_is(tmp_path: Path) -> None:
    path = write_bytes(tmp_path / "x.txt", b"<|user|>a <|bot|> no\n<|bot|>yes")
    _, report = read(path)
    [(wording, issue)] = report.notices
    assert wording.startswith("a tag stands inside a line; it is read as text")
    assert (issue.example, str(issue.first)) == ("<|bot|>", f"{path}:1")


@pytest.mark.parametrize(
    "text",
    [
        "café naïve Träumen",
        "“curly” – it’s",
        "Привет, мир",
        "日本語 テスト",
        "emoji 😀 and text",
    ],
)
@pytest.mark.parametrize("wrong", ["latin-1", "cp1252"])
def test_mojibake_is_noticed_and_repaired_on_demand(tmp_path: Path, text: str, wrong: str) -> None:
    try:
        garbled = text.encode().decode(wrong)
    except UnicodeDecodeError:
        garbled = "".join(
            bytes([byte]).decode(wrong, "ignore") or chr(byte) for byte in text.encode()
        )
    path = write_bytes(tmp_path / "x.txt", f"first line\n{garbled}\nlast".encode())
    documents, report = read(path)
    assert plain(documents) == f"first line\n{garbled}\nlast"
    [(wording, issue)] = report.notices
    assert "--fix-mojibake" in wording
    assert issue.first.line == 2
    assert plain(read(path, fix_mojibake=True)[0]) == f"first line\n{text}\nlast"


@given(st.text(st.characters(max_codepoint=0x2FFF, exclude_categories=["Cs"])))
def test_garbling_is_undone_line_by_line(text: str) -> None:
    garbled = text.encode().decode("latin-1")
    repaired = fix_mojibake(garbled)
    lines = zip(text.split("\n"), garbled.split("\n"), repaired.split("\n"), strict=True)
    for original, as_garbled, as_repaired in lines:
        assert as_repaired == (original if not original.isascii() else as_garbled)


def test_tags_of_another_chat_format_are_told_and_stay(tmp_path: Path) -> None:
    row = {"input": "It says ### Human: Hi ### Assistant:", "output": "Hello"}
    [document], report = read(as_json_lines(tmp_path, [row]))
    assert said(document) == [("user", row["input"]), ("bot", "Hello")]
    [(wording, issue)] = report.notices
    assert "tags of another chat format" in wording
    assert issue.example == "### Human:"


@needs_shared_data
@pytest.mark.parametrize(
    "name", ["text", "lang/udhr", "lang/wikipedia-50k", "lang/german-faust1-utf8.txt", "unicode"]
)
def test_sound_texts_are_not_taken_for_garbled(name: str) -> None:
    _, report = read(SHARED / name)
    assert [wording for wording, _ in report.notices if "garbled" in wording] == []


def garble(text: str) -> str:
    return text.encode().decode("cp1252")


@pytest.mark.parametrize(
    "word",
    ["Käse", "März", "café", "naïve", "Ärger", "“so”", "it’s", "–", "😀", "Привет", "Ελλάδα"],
)
@pytest.mark.parametrize("intact", ["€ 5", "5 €", "„ja“", "ﬁ", "日本", "ü"])
def test_an_intact_character_hides_no_garbled_one(tmp_path: Path, word: str, intact: str) -> None:
    try:
        line = f"{intact} und {garble(word)} dazu"
    except UnicodeDecodeError:
        pytest.skip("cp1252 has no character for one of its bytes")
    path = write_bytes(tmp_path / "x.txt", f"first\n{line}\nlast".encode())
    [(wording, issue)] = read(path)[1].notices
    assert ("--fix-mojibake" in wording, issue.first.line) == (True, 2)
    assert plain(read(path, fix_mojibake=True)[0]) == f"first\n{intact} und {word} dazu\nlast"


@pytest.mark.parametrize(
    "text",
    [
        "Le «CAFÉ» est bon", "Das ist «Spaß» für alle", "‘She likes “pâté”’", "LE THÉ, LE CAFÉ",
        "NÃO, SÃO PAULO", "Ça va? Où ça? Ô là là!", "20 °C ± 5 %", "¿Qué? ¡Sí!", "ÅNGSTRÖM, Ærø",
        "«Æblegrød»", "Straße «Großß»", "Ðað er gott", "§ 5 Abs. 2 – „Maß“",
    ],
)  # fmt: skip
def test_text_that_was_never_garbled_is_left_alone(tmp_path: Path, text: str) -> None:
    path = write_bytes(tmp_path / "x.txt", text.encode())
    assert plain(read(path, fix_mojibake=True)[0]) == text
    assert len(read(path)[1].notices) == 0


def test_what_may_be_garbled_is_told_and_stays(tmp_path: Path) -> None:
    text = "„AMANHÃ»“ 5Â\xa0€"
    path = write_bytes(tmp_path / "x.txt", text.encode())
    documents, report = read(path, fix_mojibake=True)
    assert plain(documents) == text
    [(wording, _)] = report.notices
    assert "may be garbled" in wording
