"""Saying several characters with one pass of the model, without changing any of them.

A draft guesses the next ids, and the model reads them all in one pass, which takes hardly
longer than reading one. Then each is chosen as ever, from the model's own logits and with
the same random numbers. As long as what is chosen is what was guessed, the next logits are
there already; at the first other choice the rest is forgotten. So the text is the same as
without draft tokens, and a wrong draft token costs only time.

For a draft that names one id with certainty this accepts a draft token with the model's
probability for it, as the rejection rule of Leviathan et al. 2023, "Fast Inference from
Transformers via Speculative Decoding" does, of which it is a special case; drawing with the
random numbers that would be used anyway makes not only the distribution but every text the
same.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from lumina_cli.core.checkpoint.model_file import NgramTable
from lumina_cli.core.inference.speculative.ngram import NgramProposer
from lumina_cli.core.inference.speculative.policy import SpeculationPolicy


@dataclass(frozen=True, slots=True)
class Acceptance:
    """How often draft tokens were right.

    Attributes:
        num_passes: passes of the model.
        num_chosen: ids that were chosen.
        num_draft_tokens: draft tokens that were read, those behind the first wrong one as well.
        num_accepted: of those, the ones chosen.
    """

    num_passes: int = 0
    num_chosen: int = 0
    num_draft_tokens: int = 0
    num_accepted: int = 0

    @property
    def rate(self) -> float | None:
        """Share of the draft tokens that were chosen; None where there were none."""
        return self.num_accepted / self.num_draft_tokens if self.num_draft_tokens else None

    @property
    def ids_per_pass(self) -> float | None:
        return self.num_chosen / self.num_passes if self.num_passes else None


class Speculator:
    """Draft tokens for a session: what they come from, and whether they pay.

    Args:
        table: statistics of the training text, if the model file has them.
        policy: decides when to propose some.
    """

    def __init__(
        self, table: NgramTable | None = None, *, policy: SpeculationPolicy | None = None
    ) -> None:
        self.policy = policy or SpeculationPolicy()
        self.acceptance = Acceptance()
        self._proposer = NgramProposer(table)
        self._unlearnt: list[int] = []

    def begin(self, ids: Sequence[int]) -> None:
        """Take up the prompt of a new text and its first id."""
        self._learn()
        self.policy.begin()
        self._proposer.forget_place()
        self._unlearnt += ids

    def start(self) -> None:
        """Begin a pass and the choices after it."""
        self.policy.start()

    def propose(self, num_ids: int) -> list[int]:
        """Return ids to check with the next pass, none where that doesn't pay."""
        if not self.policy.is_speculating():
            return []
        self._learn()
        return self._proposer.propose(num_ids=num_ids)

    def stop(self, chosen: Sequence[int], *, num_draft_tokens: int) -> None:
        """End a pass and take up what was chosen."""
        self.policy.stop(num_chosen=len(chosen), num_draft_tokens=num_draft_tokens)
        counts = self.acceptance
        self.acceptance = Acceptance(
            num_passes=counts.num_passes + 1,
            num_chosen=counts.num_chosen + len(chosen),
            num_draft_tokens=counts.num_draft_tokens + num_draft_tokens,
            num_accepted=counts.num_accepted + len(chosen) - 1,
        )
        self._unlearnt += chosen

    def _learn(self) -> None:
        """Learn what was read and chosen since the last draft: where none is made, it can wait."""
        ids, self._unlearnt = self._unlearnt, []
        self._proposer.learn(ids)
