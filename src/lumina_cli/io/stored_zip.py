"""The zip that `torch.save` writes, read in one way only.

A zip tells of its parts twice, in front of each and in a directory at the end, and readers that
believe one or the other see two different files. So everything must agree here: the members lie end
to end from the first byte, in the order of the directory, each stored as it is; the directory
follows the last of them and the last record follows the directory. The 64-bit records that torch
always writes say what the others say, or stand for those that are too small for the number.

Source: PKWARE, "APPNOTE.TXT", .ZIP File Format Specification, sections 4.3 and 4.5.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_DESCRIPTOR, _DESCRIPTOR64 = struct.Struct("<4s3I"), struct.Struct("<4sI2Q")
_END, _END64, _LOCATOR = (
    struct.Struct("<4s4H2IH"),
    struct.Struct("<4sQ2H2I4Q"),
    struct.Struct("<4sIQI"),
)
_LOCAL_ID, _CENTRAL_ID, _DESCRIPTOR_ID = b"PK\x03\x04", b"PK\x01\x02", b"PK\x07\x08"
_END_ID, _END64_ID, _LOCATOR_ID = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
_MOST16, _MOST32 = (1 << 16) - 1, (1 << 32) - 1
_SIZES_FOLLOW, _IS_UTF8 = 1 << 3, 1 << 11
_ZIP64_EXTRA = 1


class ZipError(ValueError):
    """An archive that `torch.save` would not have written."""


@dataclass(frozen=True, slots=True)
class Member:
    """Where a part of an archive lies: `num_bytes` from `start`."""

    start: int
    num_bytes: int


@dataclass(frozen=True, slots=True)
class _Entry:
    """What the directory says of a member."""

    name: bytes
    flags: int
    crc: int
    num_bytes: int
    offset: int


def stored_members(data: memoryview, *, comment_bytes: int) -> dict[str, Member]:
    """Return the members of an archive by name, without the folder that all of them lie in.

    Args:
        data: the whole file.
        comment_bytes: length of the comment at its end.

    Raises:
        ZipError: something else is in it, or two of its records disagree.
    """
    try:
        directory, entries = _directory(data, comment_bytes=comment_bytes)
        at, members = 0, {}
        for entry in entries:
            member = _check_member(data[:directory], entry, at=at)
            members[entry.name.decode("ascii")] = member
            at = _end_of(data[:directory], entry, member)
    except (struct.error, UnicodeDecodeError) as error:
        raise ZipError("it is not a whole zip file") from error
    _check(at == directory and len(members) == len(entries))
    folders = {name.partition("/")[0] for name in members}
    _check(len(folders) == 1 and all("/" in name for name in members))
    return {name.partition("/")[2]: member for name, member in members.items()}


def _directory(data: memoryview, *, comment_bytes: int) -> tuple[int, list[_Entry]]:
    """Return where the directory begins, and what it says."""
    end = len(data) - comment_bytes - _END.size
    _check(end >= 0)
    id_, *disks, num_here, num, num_bytes, start, comment = _END.unpack_from(data, end)
    _check(id_ == _END_ID and disks == [0, 0] and num_here == num and comment == comment_bytes)
    stop = end
    end64 = end - _LOCATOR.size - _END64.size
    if end64 >= 0 and bytes(data[end - _LOCATOR.size :][:4]) == _LOCATOR_ID:
        larger = _read_end64(data, end64)
        _check([num, num_bytes, start] == _cut(larger))
        num, num_bytes, start = larger
        stop = end64
    _check(start + num_bytes == stop)
    entries = list(_entries(data[start:stop]))
    _check(len(entries) == num)
    return start, entries


def _read_end64(data: memoryview, at: int) -> list[int]:
    """Return number of entries, size and begin of the directory, from the record for large ones."""
    id_, size, _, _, *disks, num_here, num, num_bytes, start = _END64.unpack_from(data, at)
    _check(id_ == _END64_ID and size == _END64.size - 12 and disks == [0, 0] and num_here == num)
    locator = _LOCATOR.unpack_from(data, at + _END64.size)
    _check(locator == (_LOCATOR_ID, 0, at, 1))
    return [num, num_bytes, start]


def _cut(larger: list[int]) -> list[int]:
    """Return the numbers of the last record as they are in the small form of it."""
    num, num_bytes, start = larger
    return [min(num, _MOST16), min(num_bytes, _MOST32), min(start, _MOST32)]


def _entries(directory: memoryview) -> Iterator[_Entry]:
    at = 0
    while at < len(directory):
        id_, _, _, flags, method, _, _, crc, packed, num_bytes, *rest = _CENTRAL.unpack_from(
            directory, at
        )
        len_name, len_extra, len_comment, disk, _, _, offset = rest
        name_at = at + _CENTRAL.size
        extra_at = name_at + len_name
        at = extra_at + len_extra
        _check(id_ == _CENTRAL_ID and not len_comment and not disk and at <= len(directory))
        _check(method == 0 and packed == num_bytes and not flags & ~(_SIZES_FOLLOW | _IS_UTF8))
        name, extra = bytes(directory[name_at:extra_at]), bytes(directory[extra_at:at])
        num_bytes, offset = _large_numbers(extra, num_bytes=num_bytes, offset=offset)
        yield _Entry(name, flags, crc, num_bytes, offset)


def _large_numbers(extra: bytes, *, num_bytes: int, offset: int) -> tuple[int, int]:
    """Return size and place of a member, from the extra field where they are too large."""
    sizes = 2 * [num_bytes] if num_bytes == _MOST32 else []
    needed = [*sizes, *([offset] if offset == _MOST32 else [])]
    if not needed:
        _check(not extra)
        return num_bytes, offset
    id_, size, *numbers = struct.unpack(f"<2H{len(needed)}Q", extra)
    _check(id_ == _ZIP64_EXTRA and size == 8 * len(needed) and min(numbers) >= _MOST32)
    if sizes:
        _check(numbers[0] == numbers[1])
        num_bytes = numbers[0]
    return num_bytes, numbers[-1] if offset == _MOST32 else offset


def _check_member(parts: memoryview, entry: _Entry, *, at: int) -> Member:
    """Return where a member lies, if what stands before it says what the directory does."""
    _check(entry.offset == at)
    id_, _, flags, method, _, _, crc, packed, num_bytes, len_name, len_extra = _LOCAL.unpack_from(
        parts, at
    )
    _check(id_ == _LOCAL_ID and method == 0 and flags == entry.flags)
    expected = (
        (0, 0, 0) if flags & _SIZES_FOLLOW else (entry.crc, *2 * [min(entry.num_bytes, _MOST32)])
    )
    is_large = flags & _SIZES_FOLLOW and (packed, num_bytes) == (_MOST32, _MOST32)
    _check((crc, packed, num_bytes) == expected or bool(is_large))
    name_at = at + _LOCAL.size
    start = name_at + len_name + len_extra
    _check(bytes(parts[name_at : name_at + len_name]) == entry.name)
    _check(start + entry.num_bytes <= len(parts))
    return Member(start, entry.num_bytes)


def _end_of(parts: memoryview, entry: _Entry, member: Member) -> int:
    """Return where a member ends, with the record behind it."""
    at = member.start + member.num_bytes
    if not entry.flags & _SIZES_FOLLOW:
        return at
    sizes = 2 * [entry.num_bytes]
    if bytes(parts[at : at + _DESCRIPTOR64.size]) == _DESCRIPTOR64.pack(
        _DESCRIPTOR_ID, entry.crc, *sizes
    ):
        return at + _DESCRIPTOR64.size
    _check(
        entry.num_bytes <= _MOST32
        and bytes(parts[at : at + _DESCRIPTOR.size])
        == _DESCRIPTOR.pack(_DESCRIPTOR_ID, entry.crc, *sizes)
    )
    return at + _DESCRIPTOR.size


def _check(condition: bool) -> None:  # noqa: FBT001  as assert takes it
    if not condition:
        raise ZipError("its parts are not as torch stores them")
