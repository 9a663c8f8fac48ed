"""What the pages of a parquet table unpack to, by their own headers, before anything is unpacked.

The library allocates what a page's header asks for. 523 bytes can ask for gigabytes, and a run of
equal values takes no more bytes for a billion than for ten. So the headers are read here first
(Thrift, compact protocol, as in the format's parquet.thrift), and what unpacks to far more than
a table of text does is refused.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, NamedTuple, TypeVar

_Kind = TypeVar("_Kind")

SAFE_BYTES = 1 << 28
MAX_BYTES_RATIO = 200
"""As for gzip: text packs 3 to 20 times, repetitive rows 100 times."""
SAFE_VALUES = 1_000_000
MAX_VALUES_PER_BYTE = 8
"""A value of a real column takes a bit at least; only constant ones take less."""
MAX_PAGE_BYTES = 1 << 28
MAX_HEADER_BYTES = 1 << 24
_FIRST_LOOK_BYTES = 1 << 10
_REPEATING = {2, 7, 8}
"""PLAIN_DICTIONARY, DELTA_BYTE_ARRAY, RLE_DICTIONARY: a value may be many times as long as what
it takes in the page."""


class ExpandsTooFarError(ValueError):
    """A table that unpacks to far more than tables of text do."""


class Page(NamedTuple):
    """What one page's header says."""

    unpacked_bytes: int
    packed_bytes: int
    num_values: int
    repeats: bool


@dataclass(slots=True)
class PageTotals:
    """What the pages that will be read unpack to; `longest_repeat_bytes` bounds a value."""

    unpacked_bytes: int = 0
    num_values: int = 0
    longest_repeat_bytes: int = 0


def check_pages(file: BinaryIO, *, leaves: Collection[int]) -> PageTotals:
    """Return what the pages of some columns unpack to.

    Args:
        file: the table; where it stands does not matter, before and after.
        leaves: the columns by their numbers, those inside lists and structs counted, too.

    Raises:
        ExpandsTooFarError: it is far more than the size of the file makes likely.
        ValueError: the footer or a page's header can't be read.
    """
    size = file.seek(0, 2)
    totals = PageTotals()
    for chunk in _chunks(_footer(file, size=size), leaves=leaves, size=size):
        num_values = 0
        for page in _pages(file, chunk):
            totals.unpacked_bytes += page.unpacked_bytes
            num_values += page.num_values
            if page.repeats:
                longest = max(totals.longest_repeat_bytes, page.unpacked_bytes)
                totals.longest_repeat_bytes = longest
            _check_bytes(totals.unpacked_bytes, size=size)
            _check_values(num_values, size=size)
        totals.num_values = max(totals.num_values, num_values)
    return totals


def max_unpacked_bytes(size: int) -> int:
    """Return how many bytes a table of `size` bytes may unpack to."""
    return max(SAFE_BYTES, MAX_BYTES_RATIO * size)


def _check_bytes(num_bytes: int, *, size: int) -> None:
    if num_bytes > max_unpacked_bytes(size):
        raise ExpandsTooFarError(f"{size:,} bytes unpack to {num_bytes:,} and more")


def _check_values(num_values: int, *, size: int) -> None:
    if num_values > SAFE_VALUES + MAX_VALUES_PER_BYTE * size:
        raise ExpandsTooFarError(f"{size:,} bytes hold {num_values:,} values and more")


def _footer(file: BinaryIO, *, size: int) -> dict[int, Any]:
    """Return the table's own description (FileMetaData).

    Not as the library reads it: where a column has no description, that ends the process.
    """
    file.seek(max(size - 8, 0))
    length = int.from_bytes(file.read(4), "little")
    if length > size - 12:
        raise ValueError("its footer is cut off")
    file.seek(size - 8 - length)
    try:
        return _Compact(file.read(length)).struct()
    except IndexError:
        raise ValueError("its footer is cut off") from None


class _Chunk(NamedTuple):
    """Where the pages of a column in a group of rows begin and end."""

    begin: int
    end: int


def _chunks(footer: dict[int, Any], *, leaves: Collection[int], size: int) -> Iterator[_Chunk]:
    for group in _as(list, footer.get(4, [])):
        columns = _as(list, _as(dict, group).get(1))
        _check_values(_count(group.get(3)), size=size)
        for leaf, column in enumerate(columns):
            if leaf in leaves:
                yield _chunk_of(_as(dict, _as(dict, column).get(3)), size=size)


def _chunk_of(column: dict[int, Any], *, size: int) -> _Chunk:
    begin = _count(column.get(9))
    if dictionary := _count(column.get(11, 0)):
        begin = min(begin, dictionary)
    chunk = _Chunk(begin, begin + _count(column.get(7)))
    if chunk.end > size:
        raise ValueError("a column lies outside the file")
    return chunk


def _as(kind: type[_Kind], value: object) -> _Kind:
    if not isinstance(value, kind):
        raise ValueError("its footer is damaged")
    return value


def _pages(file: BinaryIO, chunk: _Chunk) -> Iterator[Page]:
    """Yield the pages of a column; the library reads no further than its end, either."""
    at = chunk.begin
    while at < chunk.end:
        page, header_bytes = _page_at(file, at, end=chunk.end)
        yield page
        at += header_bytes + page.packed_bytes


def _page_at(file: BinaryIO, at: int, *, end: int) -> tuple[Page, int]:
    """Return the page at an offset, and how long its header is."""
    look = _FIRST_LOOK_BYTES
    while True:
        file.seek(at)
        data = file.read(min(look, end - at))
        try:
            reader = _Compact(data)
            return _page_of(reader.struct()), reader.at
        except IndexError:
            if look >= min(MAX_HEADER_BYTES, end - at):
                raise ValueError("a page's header does not end") from None
            look *= 16


_DICTIONARY_PAGE = 2


def _page_of(header: dict[int, Any]) -> Page:
    unpacked, packed = _count(header.get(2)), _count(header.get(3))
    details = header.get(5) or header.get(7) or header.get(8) or {}
    if not isinstance(details, dict):
        raise ValueError("a page's header is damaged")
    num_values, encoding = (
        _count(details.get(1, 0)),
        _count(details.get(4 if 8 in header else 2, 0)),
    )
    if unpacked > MAX_PAGE_BYTES:
        raise ExpandsTooFarError(f"one of its pages unpacks to {unpacked:,} bytes")
    is_dictionary = header.get(1) == _DICTIONARY_PAGE
    values = 0 if is_dictionary else num_values
    return Page(unpacked, packed, values, is_dictionary or encoding in _REPEATING)


def _count(value: object) -> int:
    if type(value) is not int or value < 0:
        raise ValueError("a page's header is damaged")
    return value


_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = 1, 2, 3, 7, 8, 9, 10, 11, 12
_INTEGERS = (4, 5, 6)
_MAX_DEPTH = 16


class _Compact:
    """Reads structs of Thrift's compact protocol as dicts by the numbers of their fields.

    Raises:
        IndexError: there is not enough data.
        ValueError: it is nothing of the kind.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0

    def struct(self, depth: int = 0) -> dict[int, Any]:
        fields: dict[int, Any] = {}
        number = 0
        while head := self._byte():
            kind, delta = head & 15, head >> 4
            number = number + delta if delta else self._zigzag()
            fields[number] = self._value(kind, depth + 1)
        return fields

    def _value(self, kind: int, depth: int) -> Any:
        if depth > _MAX_DEPTH:
            raise ValueError("a header is nested too deep")
        if kind in (_TRUE, _FALSE):
            return kind == _TRUE
        if kind == _BYTE:
            return self._byte()
        if kind in _INTEGERS:
            return self._zigzag()
        if kind in (_DOUBLE, _BINARY):
            return self._skip(8 if kind == _DOUBLE else self._varint())
        if kind in (_LIST, _SET):
            head = self._byte()
            length = head >> 4 if head >> 4 < 15 else self._varint()
            return self._elements([head & 15], length, depth)
        if kind == _MAP:
            length = self._varint()
            kinds = self._byte() if length else 0
            return self._elements([kinds >> 4, kinds & 15], length, depth)
        if kind == _STRUCT:
            return self.struct(depth)
        raise ValueError("a page's header is damaged")

    def _elements(self, kinds: list[int], length: int, depth: int) -> list[Any]:
        return [
            # in a list a boolean takes a byte
            self._byte() if kind in (_TRUE, _FALSE) else self._value(kind, depth + 1)
            for _ in range(length)
            for kind in kinds
        ]

    def _skip(self, length: int) -> None:
        self.at += length
        if self.at > len(self._data):
            raise IndexError

    def _byte(self) -> int:
        self.at += 1
        return self._data[self.at - 1]

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7
            if shift > 63:
                raise ValueError("a page's header is damaged")

    def _zigzag(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)
