"""Who speaks in subtitles, in the forms in which cues name it."""

import io
from pathlib import Path

import pytest

from lumina_cli.data.readers.documents.subtitles.cues import read_cues
from lumina_cli.data.readers.documents.subtitles.speech import named_speakers, spoken_turns
from lumina_cli.data.report import ReadReport
from tests.unit.data.readers.documents.subtitles.cueing import srt, vtt


def turns(text: str) -> list[tuple[str, str]]:
    def cues() -> list:
        return list(read_cues(io.StringIO(text), path=Path("x"), report=ReadReport()))

    found = spoken_turns(cues(), speakers=named_speakers(cues()))
    return [(turn.speaker, turn.text) for turn in found]


FORMS = [
    "<v {}>{}</v>",
    "{}: {}",
    "[{}]: {}",
    "[{}] {}",
    "({}) {}",
    "（{}）{}",
    "{}：{}",
    "- {}: {}",
    "–{}: {}",
    ">> {}: {}",
    "{} (laughing): {}",
    "<i>{}:</i> {}",
]


@pytest.mark.parametrize("form", FORMS)
def test_a_name_in_any_of_these_forms_begins_a_turn(form: str) -> None:
    said = [("Ann Lee", "Hello."), ("Бен", "Hi! (It is 5: late.)"), ("Ann Lee", "Bye.")]
    cues = [(at, at + 1, form.format(*each)) for at, each in enumerate(said)]
    assert turns(vtt(*cues)) == said


def test_a_cue_without_a_name_goes_on_with_the_speaker_before() -> None:
    text = srt((1, 2, "ANN: Hello,"), (2, 3, "you\nthere."), (3, 4, "BEN: Hi!"))
    assert turns(text) == [("ANN", "Hello, you there."), ("BEN", "Hi!")]


def test_a_dash_without_a_name_is_somebody_else() -> None:
    cues = [
        (1, 2, "ANN: Hello."),
        (2, 3, "- Who is it?\n- BEN: Me."),
        (3, 4, "and you?"),
        (4, 5, "-Nobody.\n-Somebody."),
        (5, 6, ">> ANN: Oh."),
        (6, 7, "—and so on"),
        (7, 8, ">> Well."),
    ]
    assert turns(srt(*cues)) == [
        ("ANN", "Hello."),
        ("?", "Who is it?"),
        ("BEN", "Me. and you?"),
        ("?", "Nobody."),
        ("?", "Somebody."),
        ("ANN", "Oh. —and so on"),
        ("?", "Well."),
    ]


def test_sounds_in_brackets_are_nobodys_name() -> None:
    cues = [(at, at + 1, "ANN: (sighs) Yes.\n[laughs] No.\n(DOOR CLOSES)") for at in range(12)]
    text = srt(*cues, (20, 21, "BEN: So."), (21, 22, "BEN: So."))
    assert {name for name, _ in turns(text)} == {"ANN", "BEN"}


def test_who_speaks_once_is_known_by_capitals_as_the_others_have() -> None:
    often = [(at, at + 1, f"{'ANN' if at % 2 else 'BEN'}: Word.") for at in range(12)]
    once = [(20, 21, "WAITER: Tea?"), (21, 22, "Look: tea."), (22, 23, "ANN: Yes.")]
    assert turns(srt(*often, *once))[-3:] == [
        ("ANN", "Word."),
        ("WAITER", "Tea? Look: tea."),
        ("ANN", "Yes."),
    ]


def test_who_speaks_late_is_known_from_the_whole_file() -> None:
    early = [(at, at + 1, f"{'Ann' if at % 2 else 'Ben'}: " + "Word. " * 20) for at in range(3000)]
    late = [(4000, 4001, "Cleo: Hi."), (4001, 4002, "Cleo: I am late.")]
    assert turns(srt(*early, *late))[-1] == ("Cleo", "Hi. I am late.")


def test_few_names_among_many_cues_are_nobodys() -> None:
    cues = [(at, at + 1, "Some words.") for at in range(9)]
    assert named_speakers_of(srt(*cues, (10, 11, "Note: no."), (11, 12, "Note: no."))) == set()


def named_speakers_of(text: str) -> set[str]:
    cues = read_cues(io.StringIO(text), path=Path("x"), report=ReadReport())
    return set(named_speakers(cues))
