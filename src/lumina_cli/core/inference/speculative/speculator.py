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
from lumina_cli.core.inference.speculative.policy import (
    NUM_ALONE,
    NUM_DRAFT_TOKENS,
    SpeculationPolicy,
)

_LOOKED_AT = NUM_DRAFT_TOKENS + 1
"""Newest ids of these of which it sees whether they were right; it learns all."""


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
    """Guesses that go along with a session: what they come from, and whether they pay.

    Args:
        table: statistics of the training text, if the model file has them.
        policy: decides when to guess.
    """

    def __init__(
        self, table: NgramTable | None = None, *, policy: SpeculationPolicy | None = None
    ) -> None:
        self.policy = policy or SpeculationPolicy()
        self._proposer = NgramProposer(table)
        self._counts = Acceptance()
        self._chosen: list[int] = []
        self._num_draft_tokens = 0
        """Both since the last look: in one pass with draft tokens, or any number without."""

    @property
    def acceptance(self) -> Acceptance:
        """How often draft tokens were right since the beginning."""
        counts, num_chosen = self._counts, len(self._chosen)
        num_passes = 1 if self._num_draft_tokens else num_chosen
        return Acceptance(
            num_passes=counts.num_passes + num_passes,
            num_chosen=counts.num_chosen + num_chosen,
            num_draft_tokens=counts.num_draft_tokens + self._num_draft_tokens,
            num_accepted=counts.num_accepted + num_chosen - num_passes,
        )

    def begin(self, ids: Sequence[int]) -> None:
        """Take up the prompt of a new text and its first id."""
        if self._chosen:
            self._look()
        self.policy.begin()
        self._proposer.forget_place()
        self._proposer.learn(ids)

    def start(self) -> None:
        """Begin a pass and the choices after it."""
        if self._is_timed():
            self.policy.start()

    def propose(self, num_ids: int) -> list[int]:
        """Return ids to check with the next pass, none where that doesn't pay."""
        if self._chosen or not self.policy.is_speculating():
            return []
        return self._proposer.propose(num_ids=num_ids)

    def stop(self, chosen: Sequence[int], *, num_draft_tokens: int) -> None:
        """End a pass and take up what was chosen."""
        if self._is_timed():
            self.policy.stop()
        self._num_draft_tokens = num_draft_tokens
        self._chosen += chosen
        if num_draft_tokens or len(self._chosen) >= self.policy.due:
            self._look()

    def _is_timed(self) -> bool:
        """Whether this pass is one of the last before the next look, which are enough to know."""
        return len(self._chosen) + NUM_ALONE >= self.policy.due

    def _look(self) -> None:
        counts, chosen = self.acceptance, self._chosen
        num_alone = 0 if self._num_draft_tokens else len(chosen)
        # Together, so that an interruption finds each pass counted once.
        self._counts, self._chosen, self._num_draft_tokens = counts, [], 0
        self._proposer.learn(chosen[:-_LOOKED_AT])
        self.policy.judge(self._proposer.check(chosen[-_LOOKED_AT:]), num_alone=num_alone)
