"""Tables of a few bytes that unpack to gigabytes, or to rows without end."""

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lumina_cli.data.readers.parquet import pages as parquet_pages
from lumina_cli.data.readers.parquet import rows as parquet_rows
from lumina_cli.data.readers.parquet.pages import ExpandsTooFarError, check_pages
from lumina_cli.errors import DataError
from tests.unit.data.reading import plain, read

MEGABYTE = "a" * 1_000_000


def written(path: Path, columns: dict[str, Any], **options: Any) -> Path:
    pq.write_table(pa.table(columns), path, **{"compression": "zstd", **options})
    return path


def totals_of(path: Path) -> parquet_pages.PageTotals:
    return check_pages(io.BytesIO(path.read_bytes()), leaves={0})


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("compression", ["none", "snappy", "gzip", "zstd"])
@pytest.mark.parametrize("use_dictionary", [True, False])
def test_headers_tell_what_a_table_was_written_from(
    tmp_path: Path, version: str, compression: str, use_dictionary: bool
) -> None:
    """By a second method: the totals that the writer keeps in the table's footer."""
    texts = [f"text {n % 700} " * 20 for n in range(30_000)]
    path = written(
        tmp_path / "x.parquet",
        {"text": texts},
        compression=compression,
        data_page_version=version,
        use_dictionary=use_dictionary,
        row_group_size=9000,
    )
    totals = totals_of(path)
    metadata = pq.read_metadata(path)
    groups = [metadata.row_group(n).column(0) for n in range(metadata.num_row_groups)]
    declared = sum(group.total_uncompressed_size for group in groups)
    assert totals.num_values == 9000
    assert 0.9 * declared < totals.unpacked_bytes <= declared
    distinct_bytes = sum(len(text) + 4 for text in set(texts))
    assert totals.longest_repeat_bytes == (distinct_bytes if use_dictionary else 0)


def test_other_columns_are_not_looked_at(tmp_path: Path) -> None:
    path = written(tmp_path / "x.parquet", {"text": ["a"], "picture": [MEGABYTE]})
    assert totals_of(path).unpacked_bytes < 1000


def test_a_name_with_a_dot_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_pages, "MAX_PAGE_BYTES", 1000)
    for columns in ({"a.text": [MEGABYTE]}, {"text": [{"a.b": MEGABYTE}]}):
        path = written(tmp_path / "x.parquet", columns, use_dictionary=False)
        with pytest.raises(DataError, match="one of its pages"):
            read(path)


def shared(values: list[str], count: int) -> Any:
    """Return a column that repeats its first value."""
    return pa.DictionaryArray.from_arrays(pa.array([0] * count, pa.int32()), values)


def in_groups(path: Path, columns: dict[str, Any], *, times: int, **options: Any) -> Path:
    """Write the same columns several times, so that they are never all in memory."""
    table = pa.table(columns)
    with pq.ParquetWriter(path, table.schema, compression="zstd", **options) as writer:
        for _ in range(times):
            writer.write_table(table)
    return path


def write_bombs(folder: Path) -> list[Path]:
    """Write tables of less than 30 kB, each of which unpacks to very much."""
    delta = {"bot": "DELTA_BYTE_ARRAY", "user": "PLAIN"}
    rows = 5_000_000
    texts = pa.ListArray.from_arrays(pa.array([0, rows], pa.int32()), pa.array([""] * rows))
    return [
        in_groups(folder / "pages.parquet", {"text": [MEGABYTE * 40]}, times=8,
                  use_dictionary=False),
        written(folder / "values.parquet", {"text": shared(["a b c"], rows)}, row_group_size=rows),
        written(folder / "nulls.parquet", {"text": pa.nulls(rows, pa.string())},
                row_group_size=rows),
        written(folder / "list.parquet", {"messages": texts}),
        written(folder / "shared.parquet", {"text": shared([MEGABYTE], 2000)}),
        in_groups(folder / "repeated.parquet", {"text": [MEGABYTE] * 30}, times=10),
        in_groups(folder / "prefixes.parquet", {"user": ["a"] * 30, "bot": [MEGABYTE] * 30},
                  times=10, column_encoding=delta, use_dictionary=False),
    ]  # fmt: skip


CHILD = """
import sys, resource
from pathlib import Path
import pyarrow.parquet
from lumina_cli.data.config import DataConfig
from lumina_cli.data.documents import Documents
from lumina_cli.errors import DataError

pyarrow.set_cpu_count(1), pyarrow.set_io_thread_count(1)
kilobytes = int(open("/proc/self/status").read().partition("VmSize:")[2].split()[0])
resource.setrlimit(resource.RLIMIT_AS, (kilobytes * 1024 + int(sys.argv[1]),) * 2)
for name in sys.argv[2:]:
    try:
        num_documents = sum(1 for _ in Documents([Path(name)], config=DataConfig()))
    except DataError as error:
        print(error.message.replace(name, ""))
    else:
        print("read", num_documents)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits and /proc of Linux")
def test_no_table_takes_much_memory_or_time_for_its_size(tmp_path: Path) -> None:
    """Each in less than 600 MB more than the library itself; they ask for 2 GB and more."""
    bombs = write_bombs(tmp_path)
    assert max(path.stat().st_size for path in bombs) < 30_000
    command = [sys.executable, "-c", CHILD, str(600_000_000), *map(str, bombs)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.stderr == ""
    told = done.stdout.splitlines()
    assert len(told) == len(bombs)
    for line in told:
        assert line.startswith(" unpacks to far more than text does: "), told


def test_one_page_may_not_unpack_to_gigabytes() -> None:
    # struct: 1: i32 0, 2: i32 1 << 30, 3: i32 100, 5: struct {1: i32 1, 2: i32 0}
    header = bytes([0x15, 0x00, 0x15, 0x80, 0x80, 0x80, 0x80, 0x08, 0x15, 0xC8, 0x01,
                    0x2C, 0x15, 0x02, 0x15, 0x00, 0x00, 0x00])  # fmt: skip
    with pytest.raises(ExpandsTooFarError, match="one of its pages unpacks to 1,073,741,824"):
        parquet_pages._page_at(io.BytesIO(header), 0, end=len(header))


def test_a_header_gives_its_sizes_and_its_length() -> None:
    header = bytes([0x15, 0x00, 0x15, 0x80, 0x02, 0x15, 0xC8, 0x01,
                    0x2C, 0x15, 0x0E, 0x15, 0x10, 0x00, 0x00, 0xFF])  # fmt: skip
    page, length = parquet_pages._page_at(io.BytesIO(header), 0, end=len(header))
    assert page == parquet_pages.Page(128, 100, 7, repeats=True)
    assert length == len(header) - 1


@given(st.binary(max_size=60))
@example(bytes([0x15, 0x00, 0x15, 0x02, 0x15, 0x02, 0x25, 0x02, 0x00]))  # 5: no struct, a number
@example(bytes([0x15, 0x00, 0x11, 0x11, 0x00]))  # true for a size
def test_any_bytes_are_a_header_or_are_none(data: bytes) -> None:
    try:
        page, length = parquet_pages._page_at(io.BytesIO(data), 0, end=len(data))
    except ValueError:
        return
    assert page.packed_bytes >= 0
    assert 0 < length <= len(data)


def test_a_row_that_is_too_long_is_one_bad_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_rows, "MAX_ROW_CHARS", 1000)
    texts = ["fine", "x" * 5000, *["good"] * 30]
    documents, report = read(written(tmp_path / "x.parquet", {"text": texts}))
    assert plain(documents) == "fine" + "good" * 30
    assert report.skipped["the row is longer than 32 million characters"] == 1


@pytest.mark.parametrize("details", [{1: {}}, {1: 3, 2: {}}, {1: 3, 2: [1]}, {1: 3, 2: -1}])
def test_a_header_whose_numbers_are_no_numbers_is_refused(details: dict[int, Any]) -> None:
    with pytest.raises(ValueError, match="damaged"):
        parquet_pages._page_of({1: 0, 2: 41, 3: 41, 5: details})


def test_a_column_outside_the_file_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "x.parquet", {"text": ["a" * 100] * 50})
    data = path.read_bytes()
    path.write_bytes(data[:4] + data[60:])
    with pytest.raises(DataError):
        read(path)


def test_a_table_of_very_many_columns_of_text_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_rows, "MAX_COLUMNS", 10)
    path = written(tmp_path / "x.parquet", {f"c{n}": ["a"] for n in range(10)} | {"text": ["a"]})
    with pytest.raises(DataError, match="11 columns of text"):
        read(path)


def test_a_column_without_a_description_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "x.parquet", {"text": ["a"]}, compression="none")
    data = path.read_bytes()
    end = len(data) - 8
    begin = end - int.from_bytes(data[end : end + 4], "little")
    refused = 0
    for at in range(begin, end):  # one of them tells that the description follows
        path.write_bytes(data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :])
        try:
            read(path)
        except DataError:
            refused += 1
    assert refused
