"""How fast others get from the same files to rows or ids, each in a process of its own.

    python benchmarks/reading_peers.py rows|prepare PATH      its seconds, for benchmarks/reading.py

`rows` is the JSON reader of the library `datasets`, from the file to its table, without its
cache: rows that it reads are parsed, but not looked at. `prepare` does what a character-level
prepare script does that is no more than a page: reads all of a text, counts its characters in
a set, looks each up in a dictionary, and writes a train.bin and a val.bin of two bytes an id.
Rows it has to parse first, and joins the texts that are in them.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np


def read_rows(path: Path, folder: Path) -> None:
    """Read JSON by the library `datasets`."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    from datasets import Dataset  # noqa: PLC0415  # it takes seconds, and is not measured

    begin = time.perf_counter()
    field = "messages" if path.name == "result.json" else None
    Dataset.from_json(str(path), cache_dir=str(folder), keep_in_memory=True, field=field)
    print(json.dumps(time.perf_counter() - begin))


def prepare(path: Path, folder: Path) -> None:
    """Encode a text, or the texts of rows, character by character."""
    begin = time.perf_counter()
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".txt":
        text = "\n".join(texts_in(json.loads(row) for row in rows_of(text, path)))
    id_of = {character: number for number, character in enumerate(sorted(set(text)))}
    cut = int(len(text) * 0.9)
    for name, part in (("train", text[:cut]), ("val", text[cut:])):
        ids = [id_of[character] for character in part]
        np.array(ids, dtype=np.uint16).tofile(folder / f"{name}.bin")
    print(json.dumps(time.perf_counter() - begin))


def rows_of(text: str, path: Path) -> Iterator[str]:
    """Yield the rows of JSON lines; an array is one row."""
    yield from [text] if path.suffix == ".json" else filter(None, text.split("\n"))


def texts_in(values: Iterator[Any]) -> Iterator[str]:
    """Yield what is said in rows of the kinds that are measured."""
    for value in values:
        rows = value if isinstance(value, list) else [value]
        for row in rows:
            if "messages" in row:
                yield from (turn.get("content") or turn.get("text", "") for turn in row["messages"])
            else:
                yield from (row[key] for key in ("user", "bot", "text") if key in row)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        {"rows": read_rows, "prepare": prepare}[sys.argv[1]](Path(sys.argv[2]), Path(folder))
