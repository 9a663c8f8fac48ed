"""OASST messages, one a row or nested in trees."""

from pathlib import Path

import pytest

from tests.unit.data.reading import message, names, read, said, write_rows


def test_synthetic_messages_are_read_on_demand(tmp_path: Path) -> None:
    rows = [message("a", None), message("ab", "a", synthetic=True)]
    documents, _ = read(write_rows(tmp_path / "x.jsonl", rows), include_synthetic=True)
    assert names(documents) == ["ab"]


def test_a_nested_tree_of_ten_thousand_levels_is_read(tmp_path: Path) -> None:
    number = 10_000
    opening = '{"message_id": "%d", "text": "t%d", "role": "%s", "replies": ['
    roles = ["prompter", "assistant"]
    text = "".join(opening % (index, index, roles[index % 2]) for index in range(number))
    path = tmp_path / "deep.jsonl"
    path.write_text('{"prompt": ' + text + "]}" * number + "}\n", encoding="utf-8")
    documents, _ = read(path)
    [conversation] = documents
    assert [text for _, text in said(conversation)] == [f"t{index}" for index in range(number)]


def test_a_tree_with_replies_inside_reads_as_its_rows_do(tmp_path: Path) -> None:
    leaf = {"message_id": "ab", "text": "text ab", "role": "assistant", "replies": []}
    root = {"message_id": "a", "text": "text a", "role": "prompter", "lang": "en"}
    tree = {"message_tree_id": "a", "prompt": {**root, "replies": [leaf]}}
    from_tree, _ = read(write_rows(tmp_path / "tree.jsonl", [tree]))
    from_root, _ = read(write_rows(tmp_path / "root.jsonl", [{**root, "replies": [leaf]}]))
    from_rows, _ = read(write_rows(tmp_path / "r.jsonl", [message("a", None), message("ab", "a")]))
    assert from_tree == from_root == from_rows


@pytest.mark.parametrize("nothing", [None, [], 0])
def test_rows_with_an_empty_column_of_replies_are_linked_by_their_ids(
    tmp_path: Path, nothing: object
) -> None:
    rows = [message("a", None, replies=nothing), message("ab", "a", replies=nothing)]
    documents, _ = read(write_rows(tmp_path / "x.jsonl", rows))
    assert [said(document) for document in documents] == [[("user", "text a"), ("bot", "text ab")]]


def test_a_branch_with_its_replies_inside_hangs_on_the_message_it_names(tmp_path: Path) -> None:
    branch = message("ab", "a", replies=[message("abc", "ab", role="prompter")])
    documents, _ = read(write_rows(tmp_path / "x.jsonl", [message("a", None), branch]))
    assert [said(document) for document in documents] == [[("user", "text a"), ("bot", "text ab")]]
