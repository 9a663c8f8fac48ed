"""Fetching a data set: from the hub, from a local copy, or from the package itself.

A generator of events: it says how far it is, and last what was fetched.
"""

import difflib
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from lumina_cli.conversation import Conversation
from lumina_cli.data.hub import client as hub
from lumina_cli.data.hub.dataset_folder import (
    FolderWriter,
    Manifest,
    new_folder,
    read_manifest,
    refuse_other_files,
    refuse_unwritable,
    verify,
)
from lumina_cli.data.hub.local_copy import by_part, parts_of_local_copy, rows_of_local_copy
from lumina_cli.data.hub.registry import KNOWN_DATASETS, KnownDataset, find_dataset
from lumina_cli.data.oasst.columns import as_on_the_hub
from lumina_cli.data.oasst.nodes import is_tree, messages_of_tree
from lumina_cli.data.report import Location, ReadReport
from lumina_cli.data.rows import BadRow, Record, Row, RowNotes
from lumina_cli.data.schemas.detect import COLUMNS, detect_schema, document_of
from lumina_cli.data.starter import corpus as starter
from lumina_cli.errors import MissingInputError, UsageError

EVENT_ROWS = 1000


@dataclass(frozen=True, slots=True)
class Stage:
    """What is being done, how many rows or bytes are done, and of how many, where it is known."""

    what: str
    done: int = 0
    total: int | None = None
    unit: Literal["rows", "bytes"] = "rows"


@dataclass(frozen=True, slots=True)
class Fetched:
    """The end: where the data set lies, its manifest, and what should be told about it."""

    folder: Path
    manifest: dict[str, Any]
    was_there: bool = False
    issues: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KnownData:
    """A data set that is known by name; `rows` of each part where it was fetched, or None."""

    name: str
    description: str
    licence: str
    folder: Path
    rows: dict[str, int] | None


FetchEvent = Stage | Fetched


def known_data() -> Iterator[KnownData]:
    """Yield the data sets that are known, and say of each whether it is here."""
    for each in KNOWN_DATASETS.values():
        manifest = read_manifest(each.folder)
        rows = dict(manifest["rows"]) if manifest else None
        yield KnownData(each.name, each.description, each.licence, each.folder, rows)


def fetch(
    name: str,
    *,
    out: Path | None = None,
    local_copy: Path | None = None,
    force: bool = False,
    hub_config: hub.HubConfig = hub.HubConfig(),  # noqa: B008  frozen
) -> Iterator[FetchEvent]:
    """Fetch a data set into a folder; yield how far it is.

    Args:
        name: oasst1, starter, or OWNER/NAME on the hub.
        out: the folder, by default named after the data set.
        local_copy: a local copy to take it from.
        force: fetch again what is there.
        hub_config: how the hub is asked.

    Raises:
        UsageError: no data set has such a name.
        MissingInputError: the local copy is not there.
        DataError: the rows are in no known format, or what is there was changed.
        HubError: the hub can't be reached or does not give it.
        OutputError, StorageError: the folder can't be written.
    """
    found = find_dataset(name)
    if found is None:
        raise UsageError(f"no data set is named {name}", hint=_known_names(name))
    folder = out or found.folder
    refuse_other_files(folder)
    there = read_manifest(folder)
    if there and not force:
        verify(folder, there)
        yield Fetched(folder, dict(there), was_there=True)
        return
    refuse_unwritable(folder)
    yield Stage(f"looking for {name}")
    report = ReadReport()
    parts, manifest = yield from _open(
        found, local_copy=local_copy, hub_config=hub_config, report=report
    )
    with new_folder(folder, manifest=manifest) as writer:
        for part, rows in parts.items():
            records = _records(rows, report=report)
            yield from _write(writer, part, records, total=found.num_rows.get(part))
        _refuse_poor(report, manifest, name=str(local_copy or name))
    yield Fetched(folder, manifest.as_json(), issues=(*_issue_lines(found, manifest, report),))


Parts = Mapping[str, Iterable[Row]]


def _open(
    found: KnownDataset, *, local_copy: Path | None, hub_config: hub.HubConfig, report: ReadReport
) -> Generator[FetchEvent, None, tuple[Parts, Manifest]]:
    """Return the rows of each part, not yet read, and a manifest without counts."""
    manifest = Manifest(found.name, source=found.repo, revision="", licence=found.licence)
    if local_copy is not None:
        files = parts_of_local_copy(local_copy, report=report)
        manifest.source = f"{found.repo or found.name}, from the copy {local_copy.name}"
        return {part: rows_of_local_copy(files[part], report=report) for part in files}, manifest
    if not found.repo:
        manifest.source = "the package"
        return {"train": _rows(map(_as_messages, starter.conversations()))}, manifest
    loaded = yield from _load(found, hub_config=hub_config)
    manifest.revision = loaded.revision
    manifest.licence = found.licence or loaded.licence
    parts = by_part(loaded.parts, report=report)
    return {
        part: _rows_of_hub([loaded.parts[name] for name in names], report=report)
        for part, names in parts.items()
    }, manifest


def _load(
    found: KnownDataset, *, hub_config: hub.HubConfig
) -> Generator[FetchEvent, None, hub.HubDataset]:
    """Ask the hub; yield how many bytes have come."""
    asked = hub.load(found.repo, name=found.name, config=hub_config)
    while True:
        try:
            transfer = next(asked)
        except StopIteration as ended:
            loaded: hub.HubDataset = ended.value
            return loaded
        yield Stage(transfer.what, transfer.done_bytes, transfer.total_bytes, unit="bytes")


def _rows_of_hub(parts: list[Any], *, report: ReadReport) -> Iterator[Row]:
    """Yield the rows of one part: of files of it, or as the library gives them."""
    for part in parts:
        is_files = isinstance(part, list) and all(isinstance(each, Path) for each in part)
        if is_files:
            yield from rows_of_local_copy(part, report=report, takes_text=True)
        else:
            yield from _rows(part)


def _write(
    writer: FolderWriter, part: str, records: Iterable[Record], *, total: int | None
) -> Iterator[FetchEvent]:
    stage = Stage(f"writing {part}.jsonl", total=total)
    yield stage
    for number in writer.write_part(part, records):
        if number % EVENT_ROWS == 0:
            yield replace(stage, done=number)


def _records(rows: Iterable[Row], *, report: ReadReport) -> Iterator[Record]:
    """Yield rows as they are written: trees message by message, columns as on the hub."""
    for row in rows:
        try:
            schema = detect_schema(row.value)
        except BadRow as error:
            report.saw_row(row.location.path, "unknown")
            report.skipped.add(error.wording, row.location, example=error.example)
            continue
        report.saw_row(row.location.path, schema)
        if schema != "oasst":
            _tell_of_the_unread(row, schema=schema, report=report)
            yield _as_object(row.value)
        else:
            assert isinstance(row.value, dict)
            tree = is_tree(row.value)
            whole = messages_of_tree(row.value, name=str(row.location)) if tree else [row.value]
            yield from map(as_on_the_hub, whole)


def _tell_of_the_unread(row: Row, *, schema: str, report: ReadReport) -> None:
    """Tell of text in columns that are not kept; a row that is bad is told when it is read."""
    with suppress(BadRow):
        document_of(row.value, schema=schema, notes=RowNotes(report, row.location))


def _as_object(value: object) -> Record:
    if isinstance(value, dict):
        return {key: each for key, each in value.items() if key in COLUMNS}
    return {"text": value} if isinstance(value, str) else {"messages": value}


def _rows(values: Iterable[object]) -> Iterator[Row]:
    for number, value in enumerate(values, start=1):
        yield Row(Location(Path("row"), number), value)


def _as_messages(conversation: Conversation) -> dict[str, Any]:
    role_names = {"bot": "assistant"}
    return {
        "messages": [
            {"role": role_names.get(message.role, message.role), "content": message.text}
            for message in conversation.messages
        ]
    }


def _refuse_poor(report: ReadReport, manifest: Manifest, *, name: str) -> None:
    if error := report.too_many_skipped():
        error.hint = "The formats that can be read: lumina docs data"
        raise error
    if not sum(manifest.rows.values()):
        raise MissingInputError(f"{name} holds no rows")


def _issue_lines(found: KnownDataset, manifest: Manifest, report: ReadReport) -> Iterator[str]:
    """Say where what was fetched is not what it should be."""
    for part, expected in found.num_rows.items():
        if (number := manifest.rows.get(part, 0)) != expected:
            yield f"{part} has {number:,} rows here; the hub's had {expected:,}"
    for wording, issue in report.skipped:
        yield f"rows left behind: {issue.count:,} ({wording}), first at {issue.first}"
    for wording, issue in (*report.left_out, *report.notices):
        yield f"{issue.first}: {wording}"


def _known_names(name: str) -> str:
    """Return a hint for somebody who named a data set that is not known."""
    close = difflib.get_close_matches(name.lower(), KNOWN_DATASETS, n=1)
    if close:
        return f"Did you mean: lumina data fetch {close[0]}"
    if "://" in name:
        return "Download it with a browser; then: lumina train --data FILE"
    return "See: lumina data list. Data sets of the hub are named OWNER/NAME."
