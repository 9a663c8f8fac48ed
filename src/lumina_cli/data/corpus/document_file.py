"""Documents in a temporary file, in the order they were read, to read them again unparsed.

A batch is a header, columns and text:

    num_documents, num_texts, num_bytes      3 × 8 bytes
    kind of each document                    1 byte: what a plain text is the beginning or end of
    texts of each document                   4 bytes: its messages, or 1
    speaker of each text                     1 byte: role, and whether it counts in the loss
    characters of each text                  4 bytes
    all texts side by side, in UTF-8

Groups are not kept: who stays together is known before anything is read again.
"""

import struct
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import numpy as np

from lumina_cli.conversation import Conversation, Document, Message, PlainText, Role

_HEADER = struct.Struct("<QQQ")
_ROLES: tuple[Role, ...] = ("system", "user", "bot")
_SPEAKERS = [(role, in_loss) for role in _ROLES for in_loss in (False, True)]
_CODES = {speaker: code for code, speaker in enumerate(_SPEAKERS)}
_CONVERSATION, _STARTS, _ENDS = 0, 1, 2
_IS_TEXT = 4


class DocumentFile:
    """Writes documents, then reads them. Use as a context manager: it deletes its file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO = path.open("w+b")

    def write(self, documents: Sequence[Document], *, text: str) -> None:
        """Append documents; `text` is all their texts, side by side."""
        kinds, num_texts, speakers, lengths = bytearray(), [], bytearray(), []
        for document in documents:
            if isinstance(document, Conversation):
                kinds.append(_CONVERSATION)
                num_texts.append(len(document.messages))
                for message in document.messages:
                    speakers.append(_CODES[message.role, message.in_loss])
                    lengths.append(len(message.text))
            else:
                kinds.append(_IS_TEXT + _STARTS * document.starts + _ENDS * document.ends)
                num_texts.append(1)
                speakers.append(0)
                lengths.append(len(document.text))
        data = text.encode()
        columns = (kinds, _as_bytes(num_texts), speakers, _as_bytes(lengths))
        header = _HEADER.pack(len(kinds), len(speakers), len(data))
        self._file.write(b"".join([header, *columns, data]))

    def read(self) -> Iterator[Document]:
        """Yield all documents from the first on."""
        self._file.seek(0)
        while header := self._file.read(_HEADER.size):
            yield from self._batch(*_HEADER.unpack(header))

    def _batch(self, num_documents: int, num_texts: int, num_bytes: int) -> Iterator[Document]:
        kinds = self._file.read(num_documents)
        counts = np.frombuffer(self._file.read(4 * num_documents), "<u4").tolist()
        speakers = self._file.read(num_texts)
        lengths = np.frombuffer(self._file.read(4 * num_texts), "<u4").tolist()
        text = self._file.read(num_bytes).decode()
        ends = list(accumulate(lengths, initial=0))
        first = 0
        for kind, count in zip(kinds, counts, strict=True):
            if kind == _CONVERSATION:
                yield Conversation(
                    tuple(
                        [
                            Message(role, text[ends[at] : ends[at + 1]], in_loss)
                            for at in range(first, first + count)
                            for role, in_loss in (_SPEAKERS[speakers[at]],)
                        ]
                    )
                )
            else:
                part = text[ends[first] : ends[first + 1]]
                yield PlainText(part, starts=bool(kind & _STARTS), ends=bool(kind & _ENDS))
            first += count

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)


def _as_bytes(numbers: list[int]) -> bytes:
    return np.array(numbers, dtype="<u4").tobytes()
