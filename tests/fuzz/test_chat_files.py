"""Chats as programs export them as text, and what stands around a text: read or refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumina_cli.data.config import DataConfig
from lumina_cli.data.documents import Documents

from .bounds import fuzzed, reads_or_refuses

BEGINNINGS = st.sampled_from(
    ["23.01.21, 21:05 - Anna: Hello\n23.01.21, 21:06 - Ben: Hi\n",
     "[1/23/21, 9:05:33 PM] Anna: Hello\n[1/23/21, 9:06:01 PM] Ben: Hi\n",
     "2021년 1월 23일 오후 9:05, Anna : Hi\n2021년 1월 23일 오후 9:06, Ben : Hi\n",
     "[LINE] Chat history with Anna\nSaved on: 2021/01/23 21:05\n\n2021/01/23(Sat)\n"
     "21:05\tAnna\tHello\n21:06\tBen\tHi\n",
     "2021/01/23(Sat)\n21:05\tAnna\tHello\n21:06\tBen\tHi\n",
     "[12:30] <anna> Hello\n[12:31] <ben> Hi\n[12:32] <anna> a\n[12:33] <ben> b\n",
     "=" * 62 + "\nGuild: a\n" + "=" * 62 + "\n\n[01/23/2021 9:05 PM] ben\nHi\n\n",
     "[ 2021-01-23 ]\n[21:05:33] Anna: Hello\n[21:06:01] Ben: Hi\n",
     "Anna: Hello\nBen: Hi\nAnna: a\nBen: b\n",
     "**You said:**\nHello\n**ChatGPT said:**\nHi\n",
     "*** START OF THE PROJECT GUTENBERG EBOOK X ***\n", "From: a@b\nSubject: x\nDate: y\n\n",
     "<html><body><p>a</p><p>b</p></body></html>", "<doc><s><w>a</w><w>b</w></s></doc>", ""]
)  # fmt: skip
PIECES = st.sampled_from(
    ["23.01.21, 21:05 - ", "[1/23/21, 9:05 PM] ", "21:05\t", "21:05 ", "[12:30] ", "<anna> ",
     "2021/01/23(Sat)\n", "2021년 1월 23일", "오후 9:05, ",
     "Anna: ", "Ben : ", "Anna\t", "\n", "\n\n",
     "\t", ": ", "-", "<", ">", "[", "]", "(", ")", '"', "\u200e", "\u202e", "\u2068", "\ufeff",
     "\0", "\x1b[2J", "\r", "\u2028", "<Media omitted>", "\u200e<attached: a.jpg>", "(1 vote)",
     "99.99.9999, 99:99 - ", "0.0.0, 0:00 - A: b\n", "9" * 30, "*** END OF THE PROJECT GUTENBERG",
     "***", "<p", "</p>", "<!--", "-->", "<?", "<br/>", "From: ", "Subject: ", "=" * 62, "{Embed}",
     "님이 나갔습니다.", "null", "http://a.b/", "a" * 300, "\ud83d", "1\n00:00:01,000 --> "]
)  # fmt: skip
SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "format": st.sampled_from(["auto", "chat", "text", "subtitles"]),
        "bot": st.sampled_from([("Ben",), ("anna",), ("nobody",)]),
        "anonymize": st.booleans(),
        "strip": st.sampled_from(["gutenberg", "xml", "html,gutenberg"]),
        "gap": st.sampled_from(["1m", "8h"]),
    },
)
NAMES = st.sampled_from(["x.txt", "x", "x.md", "x.log", "x.srt", "_chat.txt"])
TEXTS = st.tuples(BEGINNINGS, st.lists(PIECES | st.text(max_size=4), max_size=30)).map(
    lambda parts: parts[0] + "".join(parts[1])
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("chats")


def reader(path: Path, settings: dict[str, Any]) -> Callable[[], object]:
    return lambda: list(Documents([path], config=DataConfig(**settings)))


@fuzzed
@given(TEXTS, NAMES, SETTINGS, st.sampled_from(["utf-8", "utf-16", "cp1252"]))
def test_any_text_after_the_beginning_of_a_chat(
    folder: Path, text: str, name: str, settings: dict[str, Any], encoding: str
) -> None:
    (folder / name).write_bytes(text.encode(encoding, "replace"))
    reads_or_refuses(reader(folder / name, settings))
