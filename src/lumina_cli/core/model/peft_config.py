"""Which parts of a model learn when it is fine-tuned (no torch)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PeftConfig:
    """What learns: everything, the upper layers, or small adapters.

    Old rows of embedding and head stay as they are where the layers beside them do; the
    rows of new characters always learn.

    Args:
        num_new: characters that were added.
        frozen_layers: lower layers that stay as they are, and the embedding with them.
        lora_rank: of the adapters that learn in place of the other layers; 0 for none.
        lora_alpha: strength of the adapters, divided by their rank.
        keeps_start: whether the weights that the run began with are kept beside the model.
    """

    num_new: int = 0
    frozen_layers: int = 0
    lora_rank: int = 0
    lora_alpha: float = 16.0
    keeps_start: bool = False

    @property
    def freezes_embedding(self) -> bool:
        """Whether the old rows of the embedding stay as they are."""
        return self.frozen_layers > 0 or self.lora_rank > 0

    @property
    def freezes_head(self) -> bool:
        """Whether the old rows of the head stay as they are."""
        return self.lora_rank > 0


FULL_FINETUNING = PeftConfig()
"""The whole model learns."""
