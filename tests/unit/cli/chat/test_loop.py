"""Any lines at all: the chat goes on, and nothing of them can reach the terminal as control."""

import io
import unicodedata
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console

from lumina_cli.chat.parser import COMMANDS
from lumina_cli.chat.probs import CharacterProb
from lumina_cli.cli.chat.loop import ChatLoop
from lumina_cli.cli.views.chat import ChatView
from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.recipes.infer.loaded_model import LoadedModel, ModelCard, open_model

any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
commands = st.builds(
    lambda slash, name, rest: f"{slash}{name} {rest}".rstrip(),
    st.sampled_from(["", "/"]),
    st.sampled_from(sorted(set(COMMANDS) - {"exit", "quit", "save", "teach"})),
    any_text | st.integers(-5, 99).map(str) | st.floats(0, 2).map(str) | st.just(""),
)
wicked = st.sampled_from(["\x1b[2J", "\x9b31m", "[bold]x[/]", "[/]", "\r\n", "\x00", "\u202e"])


class Lines:
    """An editor whose lines are known before."""

    multiline = False
    how_to_send = "never"

    def __init__(self, lines: list[str]) -> None:
        self._lines = iter(lines)

    def read(self, prompt: str, *, default: str = "") -> str:
        line = next(self._lines, None)
        if line is None:
            raise EOFError
        return line


@pytest.fixture(scope="module")
def ready(wicked_model: Path) -> LoadedModel:
    flags = {"max_chars": "6", "num_beams": "2", "sampler": "nucleus"}
    return open_model(wicked_model, flags=flags, environ={})


@given(lines=st.lists(commands | any_text | wicked | st.tuples(wicked, any_text).map("".join)))
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_lines_are_survived(
    ready: LoadedModel,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    lines: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    drawn = io.StringIO()
    console = Console(file=drawn, force_terminal=False, width=80)
    view = ChatView(console, has_labels=True)
    ChatLoop(ready.session(), view=view, editor=Lines(lines)).run()
    shown = drawn.getvalue() + capsys.readouterr().out
    assert not [c for c in shown if unicodedata.category(c) == "Cc" and c not in "\n\t"]


def run(ready: LoadedModel, *lines: str) -> str:
    drawn = io.StringIO()
    view = ChatView(Console(file=drawn, width=200), has_labels=False)
    ChatLoop(ready.session(), view=view, editor=Lines(list(lines))).run()
    return drawn.getvalue()


def test_what_has_nothing_to_act_on_says_so(ready: LoadedModel) -> None:
    told = run(ready, "/retry", "/undo", "/edit", "/probs", "/history", "/system")
    assert told.splitlines()[:6] == [
        "Nothing to answer yet.",
        "Nothing to undo.",
        "Nothing to edit yet.",
        "There is no reply yet.",
        "Nothing was said yet.",
        "System message: (none)",
    ]


def test_greedy_says_that_retry_says_the_same(ready: LoadedModel) -> None:
    assert "greedy says the same each time" in run(ready, "greedy", "hello", "/retry")


def test_the_help_names_every_command(ready: LoadedModel) -> None:
    told = run(ready, "help")
    assert all(entry.usage in told for entry in COMMANDS.values())


def test_what_a_terminal_cannot_show_is_left_out(ready: LoadedModel) -> None:
    raw = io.BytesIO()
    latin = io.TextIOWrapper(raw, encoding="latin-1")
    view = ChatView(Console(file=latin, width=200), has_labels=False)
    ChatLoop(ready.session(), view=view, editor=Lines(["temp 1.2"])).run()
    latin.flush()
    assert raw.getvalue().decode("latin-1").splitlines()[0] == "Temperature set to 1.2"


@pytest.mark.parametrize("name", ["~nosuchuser/chat.json", "x" * 300, "a\0b"])
def test_a_name_that_no_file_can_have_does_not_end_the_chat(ready: LoadedModel, name: str) -> None:
    told = run(ready, f"/save {name}", f"/load {name}", "temp 1.2")
    assert "Temperature set to 1.2" in told


def test_memory_that_runs_out_does_not_end_the_chat(
    ready: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_memory(*arguments: object, **more: object) -> object:
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr("lumina_cli.core.inference.beam.BeamSearch.run", no_memory)
    told = run(ready, "/beam 64", "hello", "temp 1.2")
    assert "Memory ran out" in told
    assert "Temperature set to 1.2" in told


def test_the_commands_of_the_help_stand_apart_from_the_margin(ready: LoadedModel) -> None:
    assert "\n  exit " in run(ready, "help")


def test_probabilities_in_figures_stand_under_their_characters() -> None:
    drawn = io.StringIO()
    view = ChatView(Console(file=drawn, width=200), has_labels=False)
    view.probs([CharacterProb(" ", 0.95, ()), CharacterProb("x", 0.2, ())])
    assert drawn.getvalue().splitlines()[:2] == [" x", "92"]


def test_the_probability_of_a_piece_stands_under_its_beginning() -> None:
    drawn = io.StringIO()
    view = ChatView(Console(file=drawn, width=11), has_labels=False)
    view.probs([CharacterProb("the", 0.95, ()), CharacterProb(" mat.\n\n", 0.2, ())])
    assert drawn.getvalue().splitlines()[:2] == ["the mat.↵↵", "9--2------"]
    assert "of the piece that begins above" in drawn.getvalue()


def test_one_sees_in_colour_where_a_piece_ends() -> None:
    drawn = io.StringIO()
    view = ChatView(Console(file=drawn, width=80, force_terminal=True), has_labels=False)
    view.probs([CharacterProb("the", 0.6, ()), CharacterProb(" mat", 0.6, ())])
    assert "the\x1b[4m mat\x1b[0m" in drawn.getvalue()


def test_a_name_without_end_is_told_in_short(ready: LoadedModel) -> None:
    assert len(run(ready, "/load " + "a" * 100_000)) < 1_000


def test_what_a_model_file_tells_of_itself_cannot_play_tricks() -> None:
    drawn = io.StringIO()
    view = ChatView(Console(file=drawn, width=200), has_labels=True)
    card = ModelCard(
        path=Path("\x1b[2J.pth"),
        num_parameters=1,
        trained_on="\x1b]0;title\x07[red]b.txt",
        bits_per_char=1.0,
        is_of_replies=True,
        created="\x9b31m",
    )
    view.header(card, SamplingConfig())
    header = drawn.getvalue().splitlines()[0]
    assert not [c for c in header if unicodedata.category(c) == "Cc"]
    assert "trained on ]0;title[red]b.txt, 1.00 bits per character of its replies" in header


def test_a_block_between_marks_is_one_message_of_many_lines(ready: LoadedModel) -> None:
    told = run(ready, '"""first', "exit", 'last"""', "/history")
    assert "you> first\nexit\nlast" in told


def test_a_block_may_stand_on_one_line_and_be_empty(ready: LoadedModel) -> None:
    assert "you> all of it" in run(ready, '"""all of it"""', "/history")
    assert "Nothing was said yet" in run(ready, '""""""', "/history")
