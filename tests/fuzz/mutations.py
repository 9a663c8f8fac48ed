"""Ways to change a file: blindly, by what its bytes mean, and by what its values say."""

import copy
import io
import json
import random
import struct
import zipfile
from typing import Any

import torch
from hypothesis import strategies as st

from lumina_cli.core.checkpoint.container import content_digest
from tests.unit.core.checkpoint.forging import packed, sealed, unsealed

NUMBERS = (0, 1, 2, 7, 255, 256, 65_535, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**64 - 1)

ODD_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 5, 2**31, 2**53, 2**63, 2**64, -(2**63), 10**30),
    *(0.0, -1.0, 0.5, 1e-300, 1e300, float("nan"), float("inf"), -float("inf")),
    *("", "x", "a\0b", "\x1b[2J", "é" * 300, "x" * 5_000, "9" * 5_000, "../..", "/dev/zero", "nan"),
    *([], [[]], [0], ["x"], [None] * 50, {}, {"x": 1}, {"": {}}, [{}], [{"paths": ["x"]}]),
)

VALUES = st.sampled_from(ODD_VALUES) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=5), below),
    max_leaves=6,
)

SNIPPETS = (
    *(b"(", b")", b"}", b"]", b"0", b"1", b"2", b".", b"N", b"a", b"e", b"s", b"u", b"t", b"b"),
    *(b"R", b"Q", b"\x81", b"\x85", b"\x86", b"\x87", b"\x88", b"\x89", b"\x93", b"\x80\x02"),
    *(b"h\x00", b"h\x05", b"q\x00", b"q\x05", b"j\x01\x00\x00\x00", b"r\xff\xff\xff\xff", b"K\x01"),
    *(b"J\xff\xff\xff\x7f", b"\x8a\x09" + b"\xff" * 9, b"\x8b\xff\xff\xff\x7f", b"G" + b"\x7f" * 8),
    *(b"X\xff\xff\xff\xff", b"X\x01\x00\x00\x00a", b"cos\nsystem\n", b"cbuiltins\nbytearray\n"),
    *(b"ccollections\nOrderedDict\n", b"ctorch\nFloatStorage\n", b"ctorch\nHalfStorage\n"),
    *(
        b"ctorch._utils\n_rebuild_tensor_v2\n",
        b"ctorch._utils\n_rebuild_parameter\n",
        b"h\x00h\x00e",
    ),
)


def randoms() -> st.SearchStrategy[random.Random]:
    """Generators of random numbers; a seed says more in a report than thousand choices."""
    return st.integers(0, 2**32 - 1).map(random.Random)


def bytes_changed(data: bytes, rng: random.Random) -> bytes:
    """Flip, overwrite, drop, repeat or swap some bytes."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 5, 20))):
        at, num = rng.randrange(len(changed) + 1), rng.choice((1, 1, 2, 4, 8, 100))
        match rng.randrange(6):
            case 0 if at < len(changed):
                changed[at] ^= 1 << rng.randrange(8)
            case 1:
                changed[at : at + num] = rng.randbytes(len(changed[at : at + num]))
            case 2:
                del changed[at : at + num]
            case 3:
                changed[at:at] = changed[at : at + num]
            case 4:
                form = rng.choice(("<B", "<H", "<I", "<Q"))
                number = struct.pack(form, rng.choice(NUMBERS) % (1 << 8 * struct.calcsize(form)))
                changed[at : at + len(number)] = number
            case _:
                changed[at : at + num] = bytes(len(changed[at : at + num]))
    return bytes(changed)


def records_changed(data: bytes, rng: random.Random) -> bytes:
    """Change fields of the records of a zip, or leave out, repeat or swap whole members."""
    changed = bytearray(data)
    marks = [
        b"PK\x03\x04",
        b"PK\x01\x02",
        b"PK\x05\x06",
        b"PK\x06\x06",
        b"PK\x06\x07",
        b"PK\x07\x08",
    ]
    for _ in range(rng.choice((1, 1, 2, 3))):
        mark = rng.choice(marks)
        places = [at for at in range(len(changed)) if changed[at : at + 4] == mark]
        if not places:
            continue
        form = rng.choice(("<B", "<H", "<I", "<Q"))
        at = rng.choice(places) + rng.randrange(4, 50)
        old = int.from_bytes(changed[at : at + struct.calcsize(form)], "little")
        number = rng.choice((*NUMBERS, old + 1, old - 1, old * 2, rng.choice(places)))
        packed_number = struct.pack(form, number % (1 << 8 * struct.calcsize(form)))
        changed[at : at + len(packed_number)] = packed_number
    return bytes(changed)


def pickle_changed(pickle: bytes, rng: random.Random) -> bytes:
    """Put commands in, take some out, or repeat a stretch of them."""
    changed = bytearray(pickle)
    for _ in range(rng.choice((1, 1, 2, 4, 10))):
        at = rng.randrange(2, len(changed) + 1)
        match rng.randrange(4):
            case 0 | 1:
                changed[at:at] = rng.choice(SNIPPETS) * rng.choice((1, 1, 1, 2, 50, 5_000))
            case 2:
                del changed[at : at + rng.choice((1, 2, 5))]
            case _:
                part = bytes(changed[at : at + rng.randrange(1, 200)])
                changed[at:at] = part * rng.choice((1, 2, 100))
    return bytes(changed)


def members_changed(data: bytes, rng: random.Random) -> bytes:
    """Write the members of a zip anew, the pickle changed, and sometimes others."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        names = old.namelist()
        if rng.random() < 0.1:
            rng.shuffle(names)
        for name in names:
            content = old.read(name)
            if name.endswith("data.pkl"):
                content = pickle_changed(content, rng)
            elif rng.random() < 0.03:
                content = bytes_changed(content, rng)
            if rng.random() < 0.02:
                continue
            new.writestr(name, content)
    return out.getvalue()


def value_changed(value: Any, rng: random.Random, odd: Any) -> Any:
    """Put something odd in the place of one of the values in a value."""
    if not isinstance(value, (dict, list)) or not value or rng.random() < 0.05:
        return odd
    changed = copy.copy(value)
    key = rng.choice(list(value)) if isinstance(value, dict) else rng.randrange(len(value))
    match rng.randrange(8):
        case 0:
            del changed[key]
        case 1 if isinstance(changed, dict):
            changed[rng.choice(("x", "", "\0", "keys", key + "s"))] = odd
        case _:
            changed[key] = value_changed(value[key], rng, odd)
    return changed


def tensors_changed(tensors: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    """Change numbers, shape, kind or name of one of the tensors."""
    name = rng.choice(list(tensors))
    old = tensors[name]
    changes = (
        lambda: torch.full_like(old, 200),
        lambda: old.float().fill_(rng.choice((3e38, float("nan"), float("inf"), -1e-45, -1.0))),
        lambda: old.reshape(-1)[: rng.randrange(old.numel() + 1)].clone(),
        lambda: old.reshape(1, *old.shape).clone(),
        lambda: old.to(rng.choice((torch.float64, torch.int64, torch.uint8, torch.bfloat16))),
        lambda: torch.zeros(rng.choice(((0,), (), (3,), (10**5,)))),
        lambda: rng.choice((None, 5, "x", [1], {})),
    )
    changed = {**tensors, name: rng.choice(changes)()}
    if rng.random() < 0.1:
        changed[rng.choice(("draft", "x", "model/x", "random/cpu"))] = changed.pop(name)
    return changed


def repacked(header: dict[str, Any], tensors: dict[str, Any]) -> bytes:
    """A file of these values with a right digest and a right seal."""
    try:
        digest = content_digest(header, tensors)
    except Exception:  # what is odd need not have one
        digest = "0" * 64
    return sealed(packed({**header, "tensors": tensors, "digest": digest}))


def file_changed(data: bytes, rng: random.Random, *, header: Any, tensors: Any, odd: Any) -> bytes:
    """Change a sealed file in one of the ways above; the seal is right."""
    match rng.randrange(8):
        case 0:
            return sealed(bytes_changed(unsealed(data), rng))
        case 1:
            return sealed(records_changed(unsealed(data), rng))
        case 2 | 3:
            return sealed(members_changed(unsealed(data), rng))
        case 4:
            return repacked(header, tensors_changed(tensors, rng))
        case _:
            return repacked(_header_changed(header, rng, odd), tensors)


def _header_changed(header: dict[str, Any], rng: random.Random, odd: Any) -> Any:
    key = rng.choice(list(header))
    return {**header, key: value_changed(header[key], rng, odd)}


def lines_changed(lines: list[bytes], rng: random.Random, odd: Any) -> list[bytes]:
    """Lines of JSON of which a few are changed, others of them put in between."""
    changed = list(lines)
    for _ in range(rng.choice((1, 2, 10))):
        at = rng.randrange(len(lines))
        line = json_changed(json.loads(lines[at]), rng, odd)
        changed[at : at + rng.randrange(2)] = [line]
    return changed


def json_changed(content: Any, rng: random.Random, odd: Any) -> bytes:
    """JSON with something odd in it, or with changed bytes."""
    text = json.dumps(value_changed(content, rng, odd), ensure_ascii=rng.random() < 0.5)
    data = text.encode("utf-8", "surrogatepass")
    match rng.randrange(6):
        case 0:
            return bytes_changed(data, rng)
        case 1:
            return data.replace(b"1", rng.choice((b"9" * 5_000, b"1e999", b"NaN", b"[" * 9_000)), 1)
        case 2:
            return data.replace(b'"', b'"\\ud800', 1)
    return data
