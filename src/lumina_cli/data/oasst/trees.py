"""Conversation trees, rebuilt from the ids of their messages.

Messages come in any order and from any number of files, so ancestors are found for whole
columns at once, by pointer doubling: each step looks twice as far up as the one before, and a
chain of ten thousand replies needs fourteen. Nothing here is recursive.

    a message that is not read      takes all its descendants along
    orphans, cycles, repetitions    are counted with their first file and line
    siblings                        are ordered by rank (0 is the best, none is last), then by id
    messages after the last reply   are cut, for nothing can be learnt from them

Source: W. D. Hillis, G. L. Steele, "Data parallel algorithms", CACM 29 (1986), doubling.
"""

from collections import Counter
from collections.abc import Iterator
from itertools import chain, islice

import numpy as np
import numpy.typing as npt

from lumina_cli.conversation import Conversation
from lumina_cli.data.oasst.message_table import BOT, MessageTable
from lumina_cli.data.report import Issues, ReadReport
from lumina_cli.tokenizer.document_batch import (
    CONVERSATION,
    MOST_CHARS,
    DocumentBatch,
    begins_of,
    in_batches,
)

Rows = npt.NDArray[np.int32]
"""Indices of messages: with 73 bytes each, no machine holds more than fit into 32 bits."""
Marks = npt.NDArray[np.bool_]

NO_PARENT, MISSING = -1, -2
_TREES_AT_ONCE = 1 << 12


def conversations_of_trees(
    messages: MessageTable, *, lang: str, paths: str, report: ReadReport
) -> Iterator[DocumentBatch]:
    """Yield the conversations of all trees, in the order in which their roots were read.

    Args:
        messages: all messages of all trees.
        lang: languages of roots, with commas between, or "all".
        paths: "best" for one conversation a tree, "all" for every one, "top-K" for the K best.
        report: what is not read is counted here.
    """
    if not len(messages):
        return
    trees = _Trees(messages, lang=lang, report=report)
    num_paths = {"best": 1, "all": None}.get(paths) if "-" not in paths else int(paths[4:])
    if num_paths == 1:
        yield from trees.best_conversations()
    else:
        roots = trees.roots.tolist()
        yield from in_batches(
            chain.from_iterable(trees.conversations(root, num_paths=num_paths) for root in roots)
        )
    trees.report_unused(report)


class _Trees:
    """Which messages are read, and which one answers which."""

    def __init__(self, messages: MessageTable, *, lang: str, report: ReadReport) -> None:
        self._messages = messages
        self._columns = messages.columns()
        repeats, parent = self._link(report)
        self._read = self._columns["is_read"] & ~repeats
        self._leave_out_unlinked(parent, report)
        self._leave_out_languages(parent, lang, report)
        self._cut_unanswered(parent, report)
        self._used = np.zeros(len(messages), dtype=np.bool_)
        self.roots: Rows = np.flatnonzero(self._read & (parent == NO_PARENT)).astype(np.int32)
        self._replies, self._replies_begin = self._replies_in_order(parent)

    def conversations(self, root: int, *, num_paths: int | None) -> Iterator[Conversation]:
        """Yield the best conversations that begin at `root`; each message counts in one."""
        group = _group(int(self._columns["id"][root]))
        used: set[int] = set()
        for path in islice(self._paths(root), num_paths):
            yield Conversation(
                tuple(
                    self._messages.message(self._columns[row], in_loss=row not in used)
                    for row in path
                ),
                group=group,
            )
            used.update(path)
        self._used[list(used)] = True

    def best_conversations(self) -> Iterator[DocumentBatch]:
        """Yield the best conversation of each tree, many trees at a time."""
        begins, ends = self._replies_begin[:-1], self._replies_begin[1:]
        best = np.full(len(begins), NO_PARENT, dtype=np.int32)
        best[begins < ends] = self._replies[begins[begins < ends]]
        for start in range(0, len(self.roots), _TREES_AT_ONCE):
            roots = self.roots[start : start + _TREES_AT_ONCE]
            tree, path = _follow(roots, best)
            self._used[path] = True
            num_bytes = np.bincount(tree, self._columns["num_bytes"][path], len(roots))
            # so many trees that their texts can be held, and at least one
            number_of = np.cumsum(num_bytes) // MOST_CHARS
            for number in np.unique(number_of).tolist():
                trees = np.flatnonzero(number_of == number)
                first, last = tree.searchsorted([trees[0], trees[-1] + 1])
                yield self._batch(roots[trees], tree[first:last] - trees[0], path[first:last])

    def _batch(self, roots: Rows, tree: Rows, path: Rows) -> DocumentBatch:
        """Return conversations: `path` has their messages, and `tree` says of which each is."""
        records = self._columns[path]
        data, sizes = self._messages.texts(records)
        text = data.decode()
        if len(text) != len(data):
            is_first = (np.frombuffer(data, dtype=np.uint8) & 0xC0) != 0x80
            so_far = begins_of(is_first.astype(np.int64))
            sizes = np.diff(so_far[begins_of(sizes)])
        return DocumentBatch(
            np.full(len(roots), CONVERSATION, dtype=np.uint8),
            np.bincount(tree, minlength=len(roots)),
            records["role"] * 2 + 1,
            sizes,
            text,
            [_group(id_) for id_ in self._columns["id"][roots].tolist()],
        )

    def report_unused(self, report: ReadReport) -> None:
        """Count the messages that are in none of the conversations so far."""
        wording = "it lies off the paths that were asked for (see --oasst-paths)"
        self._report(report.left_out, wording, self._read & ~self._used)

    def _paths(self, root: int) -> Iterator[list[int]]:
        """Yield the paths from `root` to the leaves, the best ranked first."""
        path: list[int] = []
        waiting = [(root, 0)]
        while waiting:
            row, depth = waiting.pop()
            path[depth:] = [row]
            begin, end = self._replies_begin[row : row + 2]
            if begin == end:
                yield path
            replies = self._replies[begin:end]
            waiting.extend((reply, depth + 1) for reply in replies[::-1].tolist())

    def _link(self, report: ReadReport) -> tuple[Marks, Rows]:
        """Return which messages repeat an id, and the row of each one's parent."""
        columns = self._columns
        by_id = np.argsort(columns["id"], kind="stable").astype(np.int32)
        sorted_ids = columns["id"][by_id]
        is_first = np.concatenate(([True], sorted_ids[1:] != sorted_ids[:-1]))
        ids, rows = sorted_ids[is_first], by_id[is_first]
        original = np.empty_like(by_id)
        original[by_id] = rows[np.cumsum(is_first) - 1]
        repeats = original != np.arange(len(original), dtype=np.int32)
        same = columns["text_hash"] == columns["text_hash"][original]
        self._report(report.left_out, "the same message stands twice", repeats & same)
        self._report(report.skipped, "its id stands twice, with another text", repeats & ~same)

        nearest = np.minimum(np.searchsorted(ids, columns["parent"]), len(ids) - 1)
        known = ids[nearest] == columns["parent"]
        parent = np.where(known, rows[nearest], np.int32(MISSING))
        return repeats, np.where(columns["has_parent"], parent, np.int32(NO_PARENT))

    def _leave_out_unlinked(self, parent: Rows, report: ReadReport) -> None:
        """Leave out orphans, cycles, and the descendants of messages that are not read."""
        orphans = self._read & (parent == MISSING)
        self._report(report.skipped, "the message it answers is not in the data", orphans)
        self._read &= ~orphans
        for above in _ancestors(parent):
            top = above
        in_cycle = self._read & (parent[top] >= 0)
        self._report(report.skipped, "the messages answer one another in a circle", in_cycle)
        self._read &= ~in_cycle
        lost = ~self._read
        for above in _ancestors(parent):
            lost |= lost[above]
        self._report(report.left_out, "it answers a message that is not read", lost & self._read)
        self._read &= ~lost

    def _leave_out_languages(self, parent: Rows, lang: str, report: ReadReport) -> None:
        names = self._messages.langs()
        wanted = [part.strip().lower() for part in lang.split(",")]
        is_wanted = np.array([_is_wanted(name, wanted) for name in names])
        for above in _ancestors(parent):
            top = above
        foreign = self._read & ~is_wanted[self._columns["lang"][top]]
        trees = Counter(self._columns["lang"][foreign & (parent == NO_PARENT)].tolist())
        others = ", ".join(f"{names[number]} {count:,}" for number, count in trees.most_common(8))
        wording = f"its tree is in another language than --oasst-lang {lang}"
        self._report(report.left_out, wording, foreign, example=f"trees: {others}")
        self._read &= ~foreign

    def _cut_unanswered(self, parent: Rows, report: ReadReport) -> None:
        leads_to_reply = self._read & (self._columns["role"] == BOT)
        for above in _ancestors(parent):
            leads_to_reply[above[leads_to_reply]] = True
        self._report(report.left_out, "no reply follows it", self._read & ~leads_to_reply)
        self._read &= leads_to_reply

    def _replies_in_order(self, parent: Rows) -> tuple[Rows, Rows]:
        """Return all replies ordered by the message they answer, and where those to each begin."""
        replies = np.flatnonzero(self._read & (parent >= 0)).astype(np.int32)
        id_begin, rank = self._columns["id_begin"][replies], self._columns["rank"][replies]
        order = np.lexsort((id_begin, rank, parent[replies]))
        replies = replies[order]
        everyone = np.arange(len(parent) + 1, dtype=np.int32)
        begin = np.searchsorted(parent[replies], everyone).astype(np.int32)
        return replies, begin

    def _report(self, issues: Issues, wording: str, marks: Marks, *, example: str = "") -> None:
        if count := int(np.count_nonzero(marks)):
            first = self._columns[int(np.argmax(marks))]
            issues.add(wording, self._messages.location(first), count=count, example=example)


def _group(id_: int) -> str:
    return f"tree {id_:016x}"


def _follow(roots: Rows, best: Rows) -> tuple[Rows, Rows]:
    """Return the paths from roots along the best replies: the number of each root, and the rows."""
    numbers, rows = np.arange(len(roots)), roots
    of_root, path = [], []
    while len(rows):
        of_root.append(numbers)
        path.append(rows)
        further = best[rows]
        numbers, rows = numbers[further >= 0], further[further >= 0]
    order = np.argsort(np.concatenate(of_root), kind="stable")
    return np.concatenate(of_root)[order].astype(np.int32), np.concatenate(path)[order]


def _is_wanted(lang: str, wanted: list[str]) -> bool:
    """Say whether a language is wanted: 'pt' wants 'pt-br', too, but not the other way round."""
    return not lang or "all" in wanted or lang in wanted or lang.split("-")[0] in wanted


def _ancestors(parent: Rows) -> Iterator[Rows]:
    """Yield the ancestor of each message 1, 2, 4, 8, … levels up; a root is its own."""
    above = np.where(parent >= 0, parent, np.arange(len(parent), dtype=np.int32))
    for _ in range(len(parent).bit_length() + 1):
        yield above
        further = above[above]
        if np.array_equal(further, above):
            return
        above = further
