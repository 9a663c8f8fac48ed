"""Which ids may come next, so that whatever is drawn is valid text.

Reserved ids other than <|end|> are never said. A byte may begin a character or continue
the one begun, as UTF-8 allows; within a character nothing else may come.
"""

import torch
from torch import Tensor

from lumina_cli.core.inference.filters import Row
from lumina_cli.tokenizer.special_ids import FIRST_BYTE, FIRST_CHARACTER, Special

_BETWEEN_CHARACTERS = None
_CONTINUATIONS = (
    range(0x80, 0xC0),
    range(0xA0, 0xC0),  # after E0: no longer spelling than needed
    range(0x80, 0xA0),  # after ED: no surrogates
    range(0x90, 0xC0),  # after F0: no longer spelling than needed
    range(0x80, 0x90),  # after F4: nothing beyond U+10FFFF
)
_STATES: tuple[range | None, ...] = (_BETWEEN_CHARACTERS, *_CONTINUATIONS)


class Utf8Mask:
    """Biases to add to logits: 0 for an id that may come next, −inf for one that may not.

    Args:
        vocab_size: V.
        device: where the logits are.
    """

    def __init__(self, vocab_size: int, *, device: torch.device | str = "cpu") -> None:
        bias = torch.full((len(_STATES), vocab_size), -torch.inf)
        bias[0, Special.END] = 0
        bias[0, FIRST_BYTE : FIRST_BYTE + 0x80] = 0
        bias[0, FIRST_BYTE + 0xC2 : FIRST_BYTE + 0xF5] = 0
        bias[0, FIRST_CHARACTER:] = 0
        for state, bytes_ in enumerate(_CONTINUATIONS, start=1):
            bias[state, FIRST_BYTE + bytes_.start : FIRST_BYTE + bytes_.stop] = 0
        self._rows: list[Row] = list(bias.numpy())
        self._bias = bias.to(device)

    def row(self, next_bytes: range | None) -> Row:
        """Return the bias of one text, (V,)."""
        return self._rows[_STATES.index(next_bytes)]

    def bias(self, next_bytes: list[range | None]) -> Tensor:
        """Return the bias of each text, (B, V), by its `StreamDecoder.next_bytes`."""
        return self._bias[[_STATES.index(bytes_) for bytes_ in next_bytes]]
