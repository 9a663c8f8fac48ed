"""The grading of held-out questions."""

from lumina_cli.conversation import Conversation, Message
from lumina_cli.data.starter.corpus import Question, questions
from lumina_cli.recipes.infer import starter_eval
from lumina_cli.recipes.infer.starter_eval import FamilyScore, StarterEvalResult, grade

ASKED = questions()
FAMILIES = list(dict.fromkeys(question.family for question in ASKED))


def answers(question: Question) -> str:
    """Return what is right: the bot's next words by the corpus itself."""
    return question.answers[0]


def test_all_right_answers_are_the_whole_of_every_family() -> None:
    result = grade(ASKED, [answers(question) for question in ASKED])
    assert result.share_right == 1.0
    assert result.mistakes == ()
    assert [score.family for score in result.families] == FAMILIES
    assert sum(score.num_questions for score in result.families) == len(ASKED)


def test_a_wrong_answer_counts_in_its_own_family_and_is_kept() -> None:
    replies = [answers(question) for question in ASKED]
    replies[0] = "zzz"
    result = grade(ASKED, replies)
    first = ASKED[0]
    assert result.mistakes == ((first, "zzz"),)
    for score in result.families:
        wrong = score.num_questions - score.num_right
        assert wrong == (1 if score.family == first.family else 0)


def test_the_share_is_that_of_questions_not_of_families() -> None:
    result = StarterEvalResult((FamilyScore("a", 1, 1), FamilyScore("b", 0, 3)), ())
    assert result.share_right == 0.25


def test_an_exam_without_questions_is_not_passed() -> None:
    assert grade([], []).share_right == 0.0


def test_each_question_ends_where_the_bot_is_to_speak() -> None:
    for question in ASKED:
        assert isinstance(question.conversation, Conversation)
        assert isinstance(question.conversation.messages[-1], Message)
        assert question.conversation.messages[-1].role == "user"
    assert max(len(answers(question)) for question in ASKED) < starter_eval.LONGEST_ANSWER
