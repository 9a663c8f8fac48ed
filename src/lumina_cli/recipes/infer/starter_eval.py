"""The starter corpus's held-out questions, put to a model."""

from collections.abc import Sequence
from dataclasses import dataclass

from lumina_cli.core.inference.batch import greedy_replies
from lumina_cli.core.model.transformer import Transformer
from lumina_cli.data.starter.corpus import Question, is_right, questions
from lumina_cli.tokenizer.base import Tokenizer
from lumina_cli.tokenizer.chat_format import encode_prompt

LONGEST_ANSWER = 120


@dataclass(frozen=True, slots=True)
class FamilyScore:
    """How many questions of a family were answered right."""

    family: str
    num_right: int
    num_questions: int


@dataclass(frozen=True, slots=True)
class StarterEvalResult:
    """The scores, and the questions that were answered wrong with what was said."""

    families: tuple[FamilyScore, ...]
    mistakes: tuple[tuple[Question, str], ...]

    @property
    def share_right(self) -> float:
        num_questions = sum(score.num_questions for score in self.families)
        return sum(score.num_right for score in self.families) / max(num_questions, 1)


def evaluate_starter(model: Transformer, tokenizer: Tokenizer) -> StarterEvalResult:
    """Return how a model answers the held-out questions, by greedy decoding."""
    asked = questions()
    prompts = [
        encode_prompt(question.conversation.messages, tokenizer=tokenizer) for question in asked
    ]
    replies = greedy_replies(model, prompts, tokenizer=tokenizer, max_chars=LONGEST_ANSWER)
    return grade(asked, replies)


def grade(asked: Sequence[Question], replies: Sequence[str]) -> StarterEvalResult:
    """Return the scores of replies, family by family in the order of the questions."""
    verdicts = [
        (question, reply, is_right(reply, question))
        for question, reply in zip(asked, replies, strict=True)
    ]
    families = dict.fromkeys(question.family for question in asked)
    scores = []
    for family in families:
        own = [right for question, _, right in verdicts if question.family == family]
        scores.append(FamilyScore(family, sum(own), len(own)))
    mistakes = tuple((question, reply) for question, reply, right in verdicts if not right)
    return StarterEvalResult(tuple(scores), mistakes)
