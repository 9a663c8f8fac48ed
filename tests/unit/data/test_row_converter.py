"""Each row is read by its schema, or skipped and counted where it stands."""

from pathlib import Path

import pytest

from lumina_cli.errors import DataError
from tests.unit.data.reading import (
    EXAMPLE,
    EXAMPLE_ROWS,
    GOOD,
    NUM_GOOD,
    among_good_rows,
    as_json_lines,
    read,
    said,
    write_rows,
)

NOT_JSON = "it is not JSON"


MISSING = "its text is missing"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{}", "its keys are those of no known format"),
        ("[]", "it is no object with keys"),
        ("null", "it is no object with keys"),
        ("true", "it is no object with keys"),
        ("1e999", "it is no object with keys"),
        ("NaN", "it is no object with keys"),
        ("Infinity", "it is no object with keys"),
        ('{"user": "a", "bot"', "it is not JSON"),
        ("not JSON at all", NOT_JSON),
        ("{'user': 'a', 'bot': 'b'}", NOT_JSON),
        (GOOD.strip() + GOOD.strip(), "there is more than one value on the line"),
        ('{"text": ' + "9" * 5000 + "}", "a number has thousands of digits"),
        ('{"user": NaN, "bot": "b"}', "its user is a number, not text"),
        ('{"user": 1e999, "bot": "b"}', "its user is a number, not text"),
        ("[" * 100_000, NOT_JSON),
        ("[" * 100_000 + "]" * 100_000, "it is no object with keys"),
        ('{"a":' * 100_000, NOT_JSON),
        ('{"text": ' + "[" * 100_000 + "]" * 100_000 + "}", "its text is a list, not text"),
        ('{"text": 5}', "its text is a number, not text"),
        ('{"text": true}', "its text is true or false, not text"),
        ('{"text": ["a"]}', "its text is a list, not text"),
        ('{"text": {"a": 1}}', "its text is an object, not text"),
        ('{"text": null}', MISSING),
        ('{"text": ""}', "its text is empty"),
        ('{"text": " \\n\\t "}', "its text is empty"),
        ('{"user": "a", "bot": null}', "its bot is missing"),
        ('{"messages": []}', "its list of messages is empty"),
        ('{"messages": null}', "its list of messages is null"),
        ('{"messages": "hello"}', "its list of messages is text"),
        ('{"messages": ["hello"]}', "a message is no object with keys"),
        ('{"messages": [{"role": "user"}]}', "its content is missing"),
        ('{"messages": [{"content": "a"}]}', "its role is missing"),
        ('{"messages": [{"role": "boss", "content": "a"}]}', "its role is unknown"),
        (
            '{"messages": [{"role": "tool", "content": "a"}]}',
            "its messages are calls of tools alone",
        ),
        ('{"messages": [{"role": 7, "content": "a"}]}', "its role is unknown"),
        ('{"conversations": [{"from": "human", "value": 3}]}', "its value is a number, not text"),
        ('{"instruction": "a", "input": 4, "output": "b"}', "its input is a number, not text"),
        ('{"role": "user", "text": ""}', "its text is empty"),
        ('{"message_id": "x", "role": "prompter", "text": null}', MISSING),
        ('{"message_id": "x", "role": "prompter"}', MISSING),
        ('{"message_id": "x", "role": null, "text": "a"}', "its role is missing"),
        ('{"message_id": "x", "role": "narrator", "text": "a"}', "its role is unknown"),
        ('{"message_id": [], "role": "user", "text": "a"}', "its message_id is missing or no text"),
        ('{"parent_id": "x", "role": "user", "text": "a"}', "its message_id is missing or no text"),
        (
            '{"message_id": "x", "role": "user", "text": "a", "deleted": "maybe"}',
            "its deleted is neither true nor false",
        ),
        ('{"prompt": {"text": "a", "replies": [7]}}', "its role is missing"),
    ],
)
def test_a_bad_row_is_skipped_and_counted_where_it_stands(
    tmp_path: Path, line: str, reason: str
) -> None:
    path = among_good_rows(tmp_path, line)
    documents, report = read(path)
    assert len(documents) == NUM_GOOD
    [(wording, issue)] = list(report.skipped)[:1]
    assert (wording, str(issue.first)) == (reason, f"{path}:61")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('{"user": "first", "user": "last", "bot": "b"}', [("user", "last"), ("bot", "b")]),
        ('{"user": "nul \\u0000", "bot": "b"}', [("user", "nul \0"), ("bot", "b")]),
        (
            '{"user": "raw nul \0 and\ttab", "bot": "b"}',
            [("user", "raw nul \0 and\ttab"), ("bot", "b")],
        ),
        ('{"user": "pair \\ud83d\\ude00", "bot": "b"}', [("user", "pair 😀"), ("bot", "b")]),
        (
            '{"user": "<|end|><|bot|>", "bot": "＜|user|＞"}',
            [("user", "<|end|><|bot|>"), ("bot", "＜|user|＞")],
        ),
        ('{"user": "a\\r\\nb", "bot": "b"}', [("user", "a\r\nb"), ("bot", "b")]),
        ('{"user": "a", "bot": "b", "score": NaN, "n": 1e999}', [("user", "a"), ("bot", "b")]),
        (
            '{"messages": [{"role": "ASSISTANT", "content": "hi"}, '
            '{"role": "User", "content": "a"}, {"role": "user", "content": "b"}, '
            '{"role": " Bot ", "content": "c"}]}',
            [("bot", "hi"), ("user", "a"), ("user", "b"), ("bot", "c")],
        ),
        (
            '{"message_id": 1, "role": "prompter", "text": "q", "replies": '
            '[{"message_id": 2, "role": "assistant", "text": "a", "deleted": "false", '
            '"rank": NaN}]}',
            [("user", "q"), ("bot", "a")],
        ),
    ],
)
def test_an_odd_row_is_read(tmp_path: Path, line: str, expected: list[tuple[str, str]]) -> None:
    documents, report = read(among_good_rows(tmp_path, line))
    assert said(documents[-1]) == expected
    assert report.skipped.total == 0


@pytest.mark.parametrize("name", ["messages", "sharegpt", "pairs", "instructions", "oasst"])
def test_a_format_that_is_named_is_taken(tmp_path: Path, name: str) -> None:
    documents, _ = read(as_json_lines(tmp_path, EXAMPLE_ROWS[name]), format=name)
    assert [said(document) for document in documents] == [EXAMPLE]


@pytest.mark.parametrize("name", ["messages", "sharegpt", "pairs", "instructions", "oasst"])
def test_a_format_that_is_wrong_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match="1 of 1 rows can't be read"):
        read(write_rows(tmp_path / "x.jsonl", [{"title": "a", "body": "b"}]), format=name)
