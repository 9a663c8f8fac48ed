"""What a file that is not UTF-8 probably is.

A guess helps a person to the right `--encoding`; nothing is ever decoded by it.
"""

import codecs
import re
from pathlib import Path
from typing import BinaryIO

from lumina_cli.errors import DataError
from lumina_cli.io.shell_word import shell_word

SAMPLE_BYTES = 1 << 16
_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_MAGIC = (
    (b"PK\x03\x04", "a zip archive (or a model, or an office document)"),
    (b"%PDF", "a PDF"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"\x1f\x8b", "a gzip file inside another"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"SQLite format 3", "a database"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"PAR1", "a parquet table"),
    (b"ARROW1", "an Arrow table"),
)
_DOCUMENTS = (
    # (what begins so although all of it may be characters, what it is)
    (rb"%PDF-\d", "a PDF"),
    (rb"\{\\rtf\d?[\\{}\s]", "an RTF document"),
    (rb"%!PS-Adobe", "a PostScript document"),
    (rb"GIF8[79]a", "a picture"),
    (rb"SQLite format 3\x00", "a database"),
    (rb"\x7fELF", "a program"),
    (rb"BZh[1-9]1AY&SY", "a bzip2 archive"),
)
_SIGNS = (
    # (encoding, characters that mark its languages, their share of what is not ASCII)
    ("shift_jis", re.compile("[\u3041-\u30fc]"), 0.3),
    ("euc_jp", re.compile("[\u3041-\u30fc]"), 0.3),
    ("euc_kr", re.compile("[\uac00-\ud7a3]"), 0.8),
    ("gb18030", re.compile("[\u4e00-\u9fa5\u3001\u3002\uff0c]"), 0.95),
    ("big5", re.compile("[\u4e00-\u9fa5\u3001\u3002\uff0c]"), 0.95),
    ("cp1251", re.compile("[а-яё]"), 0.7),
    ("koi8-r", re.compile("[а-яё]"), 0.7),
    ("cp1253", re.compile("[ά-ώ]"), 0.7),
    ("cp1255", re.compile("[א-ת]"), 0.7),
    ("cp1256", re.compile("[ء-ي]"), 0.7),
)


def not_text(file: BinaryIO, *, sample: bytes, path: Path, encoding: str) -> DataError:
    """Return the error for a file that is not text in `encoding`, with line and byte.

    Args:
        file: at its beginning.
        sample: how it begins.
        path: its name.
        encoding: what it should be.
    """
    if path.suffix == ".pth":
        hint = f"To go on from it: lumina finetune --model {shell_word(path)} --data FILE"
        return DataError(f"{path} is a model, not text", hint=hint)
    if what := binary_kind(sample):
        return DataError(f"{path} is {what}, not text", hint="Give a text, JSON or parquet file.")
    line, byte, value = _first_bad_byte(file, encoding=encoding)
    guess = likely_encoding(sample)
    hint = f"It looks like {guess}: try --encoding {guess}." if guess else ""
    if not guess or guess == encoding:
        hint = "If it is text, name how it is written: --encoding NAME."
    return DataError(f"{path}:{line} is not {encoding}: byte {byte} is 0x{value:02x}", hint=hint)


def refuse_documents(sample: bytes, *, path: Path) -> None:
    """Refuse what is no text by how it begins, even where each byte of it is a character."""
    begin = sample.removeprefix(codecs.BOM_UTF8).lstrip()
    for magic, what in _DOCUMENTS:
        if re.match(magic, begin):
            raise DataError(
                f"{path} is {what}, not text",
                hint="Save it as plain text with the program it is for (or read it as it is: "
                "--format text).",
            )


def binary_kind(sample: bytes) -> str:
    """Return what kind of binary file begins like this, or nothing."""
    return next((what for magic, what in _MAGIC if sample.startswith(magic)), "")


def likely_encoding(sample: bytes) -> str:
    """Return the likely encoding of a text that is not UTF-8, or nothing for binary data."""
    for bom, name in _BOMS:
        if sample.startswith(bom):
            return name
    if nuls := sample.count(0):
        return _likely_wide_encoding(sample) if nuls > len(sample) // 10 else ""
    num_high = sum(byte >= 0x80 for byte in sample)
    is_latin = num_high < len(re.findall(rb"[A-Za-z]", sample))
    for name, sign, share in () if is_latin else _SIGNS:
        foreign = re.sub(r"[\x00-\x7f]", "", _decode_sample(sample, name))
        if foreign and len(sign.findall(foreign)) >= share * len(foreign):
            return name
    return "cp1252" if re.search(rb"[\x80-\x9f]", sample) else "latin-1"


def _likely_wide_encoding(sample: bytes) -> str:
    """Return the UTF-16 whose zero bytes stand where these do."""
    at_even, at_odd = sample[::2].count(0), sample[1::2].count(0)
    if at_odd > 4 * at_even:
        return "utf-16-le"
    return "utf-16-be" if at_even > 4 * at_odd else ""


def _decode_sample(sample: bytes, encoding: str) -> str:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        return decoder.decode(sample)  # the sample may end inside a character
    except UnicodeDecodeError:
        return ""


def _first_bad_byte(file: BinaryIO, *, encoding: str) -> tuple[int, int, int]:
    """Return the line, the byte counted from 1, and the value of the first undecodable byte."""
    decoder = codecs.getincrementaldecoder(encoding)()
    line, done, chunk = 1, 0, b""
    after_return = False
    while True:
        pending = decoder.getstate()[0]
        chunk = file.read(SAMPLE_BYTES)
        try:
            text = decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:
            data = error.object
            before = data[: error.start]
            line += _count_line_ends(before.decode(encoding, "ignore"), after_return=after_return)
            return line, done - len(pending) + error.start + 1, data[error.start]
        except UnicodeError:  # a codec that can't say where
            return line, done + 1, chunk[0] if chunk else 0
        assert chunk, "the bytes decode after all"
        line += _count_line_ends(text, after_return=after_return)
        after_return = text.endswith("\r")
        done += len(chunk)


def _count_line_ends(text: str, *, after_return: bool) -> int:
    ends = text.count("\n") + text.count("\r") - text.count("\r\n")
    return ends - (after_return and text.startswith("\n"))
