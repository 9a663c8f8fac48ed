"""Conversation trees, whatever the order of their rows."""

import json
import random
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumina_cli.conversation import Conversation
from lumina_cli.errors import DataError
from tests.unit.data.reading import (
    SHARED,
    counts,
    message,
    names,
    needs_shared_data,
    read,
    texts,
    write_rows,
)


def test_the_best_path_follows_the_ranks(tmp_path: Path) -> None:
    rows = [
        message("a", None),
        message("ab", "a", rank=1),
        message("ac", "a", rank=0),
        message("ad", "a", rank=None),
        message("aca", "ac"),
        message("acab", "aca", rank=0),
    ]
    documents, _ = read(write_rows(tmp_path / "x.jsonl", rows))
    assert texts(documents) == [["text a", "text ac", "text aca", "text acab"]]


def test_siblings_without_a_rank_stand_last_and_by_their_ids(tmp_path: Path) -> None:
    rows = [message("a", None), *(message(name, "a") for name in ("ad", "ab", "ac"))]
    rows.append(message("ae", "a", rank=5))
    documents, _ = read(write_rows(tmp_path / "x.jsonl", rows), oasst_paths="all")
    assert names(documents) == ["ae", "ab", "ac", "ad"]


def test_all_paths_count_each_message_once(tmp_path: Path) -> None:
    rows = [message("a", None), message("ab", "a", rank=0), message("ac", "a", rank=1)]
    rows += [message("aba", "ab"), message("abab", "aba", rank=0), message("abac", "aba", rank=1)]
    documents, report = read(write_rows(tmp_path / "x.jsonl", rows), oasst_paths="all")
    assert names(documents) == ["abab", "abac", "ac"]
    in_loss = [[each.in_loss for each in document.messages] for document in documents]
    assert in_loss == [[True] * 4, [False, False, False, True], [False, True]]
    assert report.messages == {"user": 2, "bot": 4}
    assert len({document.group for document in documents}) == 1


def test_top_k_takes_the_k_best_paths(tmp_path: Path) -> None:
    rows = [message("a", None)]
    rows += [message("a" + letter, "a", rank=rank) for rank, letter in enumerate("bcd")]
    path = write_rows(tmp_path / "x.jsonl", rows)
    assert names(read(path, oasst_paths="top-2")[0]) == ["ab", "ac"]
    assert names(read(path, oasst_paths="top-9")[0]) == ["ab", "ac", "ad"]
    assert counts(read(path, oasst_paths="top-2")[1].left_out) == {
        "it lies off the paths that were asked for (see --oasst-paths)": 1
    }


@pytest.mark.parametrize(
    "bad", [{"deleted": True}, {"review_result": False}, {"synthetic": True}, {"deleted": "true"}]
)
def test_a_message_that_is_left_out_takes_its_replies_along(
    tmp_path: Path, bad: dict[str, Any]
) -> None:
    rows = [message("a", None), message("ab", "a", rank=0, **bad), message("aba", "ab")]
    rows += [message("abab", "aba"), message("ac", "a", rank=1)]
    documents, report = read(write_rows(tmp_path / "x.jsonl", rows))
    assert names(documents) == ["ac"]
    assert report.left_out["it answers a message that is not read"] == 2
    assert report.skipped.total == 0


def test_an_empty_message_ends_its_branch(tmp_path: Path) -> None:
    rows = [message("a", None), message("ab", "a", text=" \n"), message("aba", "ab")]
    rows += [message("abab", "aba"), message("ac", "a")]
    documents, report = read(write_rows(tmp_path / "x.jsonl", rows), allow_skips=True)
    assert names(documents) == ["ac"]
    assert counts(report.skipped) == {"its text is empty": 1}


def test_orphans_circles_and_contradictions_are_counted_where_they_stand(tmp_path: Path) -> None:
    rows = [
        message("a", None),
        message("ab", "a"),
        message("xb", "gone"),  # line 3
        message("self", "self"),  # line 4
        message("one", "two"),
        message("two", "one"),
        message("ab", "a"),  # line 7, the same again
        message("ab", "a", text="other"),  # line 8
    ]
    documents, report = read(write_rows(tmp_path / "x.jsonl", rows), allow_skips=True)
    assert names(documents) == ["ab"]
    found = {wording: (issue.count, issue.first.line) for wording, issue in report.skipped}
    assert found == {
        "the message it answers is not in the data": (1, 3),
        "the messages answer one another in a circle": (3, 4),
        "its id stands twice, with another text": (1, 8),
    }
    left_out = {wording: (issue.count, issue.first.line) for wording, issue in report.left_out}
    assert left_out == {"the same message stands twice": (1, 7)}


def test_a_circle_below_a_circle_ends(tmp_path: Path) -> None:
    rows = [message("a", None), message("ab", "a"), message("one", "two"), message("two", "one")]
    rows += [message("below", "one"), message("deeper", "below")]
    documents, report = read(write_rows(tmp_path / "x.jsonl", rows), allow_skips=True)
    assert names(documents) == ["ab"]
    assert counts(report.skipped) == {"the messages answer one another in a circle": 4}


def test_turns_behind_the_last_reply_are_cut(tmp_path: Path) -> None:
    rows = [message("a", None), message("ab", "a"), message("aba", "ab"), message("abb", "ab")]
    rows.append(message("abab", "aba", role="prompter"))
    documents, report = read(write_rows(tmp_path / "x.jsonl", rows), oasst_paths="all")
    assert names(documents) == ["ab"]
    assert report.left_out["no reply follows it"] == 3


def test_the_language_is_that_of_the_first_message(tmp_path: Path) -> None:
    rows = [message("a", None, lang="de"), message("ab", "a", lang="en")]
    rows += [message("c", None, lang="en"), message("cb", "c", lang="de")]
    rows += [message("d", None, lang="pt-BR"), message("db", "d", lang="pt-BR")]
    rows += [message("e", None, lang=None), message("eb", "e")]
    path = write_rows(tmp_path / "x.jsonl", rows)
    assert names(read(path)[0]) == ["cb", "eb"]
    assert names(read(path, oasst_lang="DE, pt")[0]) == ["ab", "db", "eb"]
    assert names(read(path, oasst_lang="all")[0]) == ["ab", "cb", "db", "eb"]


def test_a_language_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    rows = [message("a", None, lang="de"), message("ab", "a", lang="de")]
    with pytest.raises(DataError, match=r"another language than --oasst-lang en \(trees: de 1\)"):
        read(write_rows(tmp_path / "x.jsonl", rows))


def test_trees_may_lie_across_files(tmp_path: Path) -> None:
    write_rows(tmp_path / "1.jsonl", [message("ab", "a"), message("c", None)])
    write_rows(tmp_path / "2.jsonl", [message("cb", "c"), message("a", None)])
    assert sorted(names(read(tmp_path)[0])) == ["ab", "cb"]


def test_a_chain_of_ten_thousand_replies_is_one_conversation(tmp_path: Path) -> None:
    number = 10_000
    rows = [
        message(f"{index:05}", f"{index - 1:05}" if index else None, role=role)
        for index, role in zip(range(number), ["prompter", "assistant"] * number, strict=False)
    ]
    random.Random(0).shuffle(rows)
    documents, _ = read(write_rows(tmp_path / "x.jsonl", rows))
    assert [len(document.messages) for document in documents] == [number]


def test_thirty_thousand_replies_to_one_message_are_siblings(tmp_path: Path) -> None:
    rows = [message("a", None), *(message(f"b{index:07}", "a") for index in range(30_000))]
    path = write_rows(tmp_path / "x.jsonl", rows)
    documents, _ = read(path, oasst_paths="all")
    assert len(documents) == 30_000
    assert sum(each.in_loss for document in documents for each in document.messages) == 30_001


@st.composite
def forests(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Rows whose parents are anything: earlier, later, missing, themselves."""
    number = draw(st.integers(1, 14))
    ids = [f"m{index}" for index in range(number)]
    parents = st.one_of(st.none(), st.sampled_from([*ids, "gone"]))
    rank = st.one_of(st.none(), st.integers(0, 3))
    return [
        {
            "message_id": name,
            "parent_id": draw(parents),
            "text": name,
            "role": draw(st.sampled_from(["prompter", "assistant"])),
            "rank": draw(rank),
            "deleted": draw(st.integers(0, 9)) == 0,
        }
        for name in ids
    ]


def by_recursion(rows: list[dict[str, Any]], *, paths: str, lang: str = "all") -> list[list[str]]:
    """Rebuild the conversations the plain way, for what a stack can hold."""
    replies: dict[str | None, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        replies[row["parent_id"]].append(row)

    def is_read(row: dict[str, Any]) -> bool:
        bad = row.get("deleted") or row.get("review_result") is False or row.get("synthetic")
        return not bad

    def order(row: dict[str, Any]) -> tuple[float, str]:
        rank = row.get("rank")
        return (float("inf") if rank is None else rank, row["message_id"])

    def walk(row: dict[str, Any]) -> list[list[dict[str, Any]]]:
        """The paths from a message to its last replies; none where the bot says nothing."""
        below = []
        for reply in sorted(filter(is_read, replies[row["message_id"]]), key=order):
            below += walk(reply)
        if below:
            return [[row, *path] for path in below]
        return [[row]] if row["role"] == "assistant" else []

    limit = {"best": 1, "all": None}.get(paths) if paths in ("best", "all") else int(paths[4:])
    found = []
    for root in filter(is_read, replies[None]):
        if lang in ("all", root.get("lang")):
            found += walk(root)[:limit]
    return [[row["text"] for row in path] for path in found]


@given(forests(), st.randoms(use_true_random=False), st.sampled_from(["best", "all", "top-2"]))
def test_any_rows_in_any_order_give_what_recursion_gives(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[dict[str, Any]],
    shuffle: random.Random,
    paths: str,
) -> None:
    expected = sorted(by_recursion(rows, paths=paths))
    shuffle.shuffle(rows)
    path = write_rows(tmp_path_factory.mktemp("rows") / "x.jsonl", rows)
    try:
        documents, report = read(path, oasst_paths=paths, allow_skips=True)
    except DataError:
        documents, report = [], None
    assert sorted(texts(documents)) == expected
    for document in documents:
        assert isinstance(document, Conversation)
    if report:
        num_said = sum(each.in_loss for document in documents for each in document.messages)
        assert num_said + report.skipped.total + report.left_out.total == len(rows)


OASST = SHARED / "oasst"


@needs_shared_data
@pytest.mark.parametrize("paths", ["best", "all", "top-2"])
@pytest.mark.parametrize("lang", ["en", "all"])
@pytest.mark.parametrize("name", ["oasst1_en_messages.jsonl", "oasst1_multilang_messages.jsonl"])
def test_real_rows_give_what_recursion_gives(name: str, lang: str, paths: str) -> None:
    path = OASST / name
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
    documents, _ = read(path, oasst_paths=paths, oasst_lang=lang)
    assert sorted(texts(documents)) == sorted(by_recursion(rows, paths=paths, lang=lang))


@needs_shared_data
@pytest.mark.parametrize("paths", ["best", "all", "top-3"])
@pytest.mark.parametrize("lang", ["en", "es", "all"])
def test_official_trees_and_their_rows_agree(lang: str, paths: str) -> None:
    trees, from_trees = read(
        OASST / "oasst2_multilang_trees.jsonl", oasst_lang=lang, oasst_paths=paths
    )
    rows, from_rows = read(
        OASST / "oasst2_multilang_messages.jsonl", oasst_lang=lang, oasst_paths=paths
    )
    assert trees == rows
    assert from_trees.messages == from_rows.messages
    assert counts(from_trees.left_out) == counts(from_rows.left_out)


@needs_shared_data
def test_replies_without_their_questions_are_refused_with_the_reason() -> None:
    with pytest.raises(DataError, match="the message it answers is not in the data; 1,222 of"):
        read(OASST / "oasst1_multilang_assistant_only.jsonl")
