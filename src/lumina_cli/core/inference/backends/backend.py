"""What does the passes of a model and keeps keys and values, behind one interface.

R rows in a pass, T time, V vocabulary.
"""

from collections.abc import Sequence
from typing import Protocol, Self

from torch import Tensor

from lumina_cli.core.model.transformer import Transformer


class Backend(Protocol):
    """Keys and values of some texts, each in a slot of its own, and the passes that read on.

    Attributes:
        model: whose passes they are; on its device, in `eval()` mode.
        chunk_size: where texts must be cut at multiples of so many ids when several are read at
            once, for what is computed to depend on the text alone; None where rounding in fp32
            is all that differs.
    """

    model: Transformer
    chunk_size: int | None

    @property
    def num_slots(self) -> int:
        """Texts that have room."""
        ...

    def empty(self, num_slots: int) -> Self:
        """Return one of the same model and weights with slots of its own."""
        ...

    def exact(self) -> "Backend":
        """Return one with one slot, by which all backends of these weights get the same logits."""
        ...

    def forward(
        self,
        first: int,
        ids: Sequence[Sequence[int]],
        starts: Sequence[int],
        *,
        only_last: bool = False,
    ) -> Tensor:
        """Read more ids in each of some slots; return logits after each (or the last), in fp32.

        Args:
            first: the slot of the first text; those of the others follow.
            ids: of each text, at least one; as many in all of them unless `only_last`.
            starts: how many ids each slot holds.
            only_last: whether (R, V) is wanted, of what follows all ids; else (R, T, V).
        """
        ...

    def copy(self, source: int, target: int, *, length: int) -> None:
        """Let a slot hold what the first `length` positions of another do."""
        ...

    def reorder(self, sources: Sequence[int], *, length: int) -> None:
        """Let slot i hold the first `length` positions of slot sources[i]."""
        ...

    def grow(self, num_slots: int) -> None:
        """Make room for more slots; those there are keep what they hold."""
        ...
