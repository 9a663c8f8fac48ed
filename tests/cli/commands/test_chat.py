"""`lumina chat` through pipes: replies on stdout and nothing else there."""

import json
import unicodedata
from pathlib import Path

import pytest

from tests.cli.conftest import Lumina


def test_a_prompt_prints_its_reply_and_nothing_else(lumina: Lumina, letters_model: Path) -> None:
    outcome = lumina("chat", "-m", str(letters_model), "--prompt", "hello", "--max-chars", "20")
    assert outcome.code == 0
    assert len(outcome.out) == 21
    assert outcome.out.endswith("\n")
    assert outcome.err == ""


def test_a_prompt_that_is_a_command_word_is_said(lumina: Lumina, letters_model: Path) -> None:
    outcome = lumina("chat", "-m", str(letters_model), "--prompt", "exit", "--max-chars", "5")
    assert len(outcome.out) == 6


@pytest.mark.parametrize("prompt", ["", "  \n"])
def test_an_empty_prompt_gets_no_reply_and_a_word_of_it(
    lumina: Lumina, letters_model: Path, prompt: str
) -> None:
    outcome = lumina("chat", "-m", str(letters_model), "--prompt", prompt)
    assert (outcome.code, outcome.out) == (0, "")
    assert f"lumina chat --model {letters_model} --prompt Hi" in outcome.err
    assert lumina("chat", "-m", str(letters_model), "--prompt", prompt, "-q").err == ""
    as_json = lumina("chat", "-m", str(letters_model), "--prompt", prompt, "--json").out
    assert json.loads(as_json) == {"prompt": "", "reply": None}


def test_lines_of_a_pipe_are_answered_one_by_one(lumina: Lumina, letters_model: Path) -> None:
    outcome = lumina("chat", "-m", str(letters_model), "--max-chars", "7", stdin="a\n\nb\nc")
    assert outcome.code == 0
    assert [len(line) for line in outcome.out.splitlines()] == [7, 0, 7, 7]


def test_a_pipe_is_one_conversation(lumina: Lumina, letters_model: Path) -> None:
    model = str(letters_model)
    both = lumina("chat", "-m", model, "--seed", "3", "--max-chars", "30", stdin="a\nb\n").out
    alone = lumina("chat", "-m", model, "--seed", "3", "--max-chars", "30", stdin="b\n").out
    assert both.splitlines()[1] != alone.splitlines()[0]


def test_commands_in_a_pipe_answer_on_stderr(lumina: Lumina, letters_model: Path) -> None:
    lines = "temp 1.2\ntopk 0\ngreedy\n/stats\n/nope\nexit\nnever said\n"
    outcome = lumina("chat", "-m", str(letters_model), stdin=lines)
    assert outcome.out == "\n" * 2  # in place of replies to what could not be understood
    assert "🌡️ Temperature set to 1.2" in outcome.err
    assert "topk takes a whole number from 1 to 50, not '0'" in outcome.err
    assert "always the likeliest" in outcome.err
    assert "sampler: greedy" in outcome.err
    assert "There is no command /nope" in outcome.err


def test_a_session_is_saved_and_goes_on_exactly(
    lumina: Lumina, letters_model: Path, tmp_path: Path
) -> None:
    chat = str(tmp_path / "chat.json")
    first = f"hello\n/save {chat}\nhow are you\n"
    model = str(letters_model)
    whole = lumina("chat", "-m", model, "--max-chars", "40", "--temperature", "1.7", stdin=first)
    again = lumina("chat", "-m", model, stdin=f"/load {chat}\nhow are you\n")
    assert again.out.splitlines() == whole.out.splitlines()[1:]


def test_a_broken_session_is_told_and_ends_a_pipe_in_its_code(
    lumina: Lumina, letters_model: Path, tmp_path: Path
) -> None:
    (tmp_path / "x.json").write_text("{}", encoding="utf-8")
    outcome = lumina("chat", "-m", str(letters_model), stdin=f"/load {tmp_path / 'x.json'}\nhi\n")
    assert "is not a saved chat" in outcome.err
    assert outcome.code == 65
    assert outcome.out != ""


def test_the_models_own_sampler_holds_unless_another_is_asked_for(
    lumina: Lumina, letters_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = str(letters_model)
    assert "sampler: top-k 3" in lumina("chat", "-m", model, stdin="/stats\n").err
    assert "top-k 7" in lumina("chat", "-m", model, "--top-k", "7", stdin="/stats\n").err
    monkeypatch.setenv("LUMINA_SAMPLER", "min-p")
    assert "sampler: min-p" in lumina("chat", "-m", model, stdin="/stats\n").err


def test_a_setting_without_effect_is_told(lumina: Lumina, letters_model: Path) -> None:
    outcome = lumina("chat", "-m", str(letters_model), "--top-p", "0.5", stdin="")
    assert outcome.err.strip() == (
        "top_p has no effect with the top-k sampler (from --top-p); use: --sampler nucleus"
    )


@pytest.mark.parametrize(
    ("flag", "value", "told"),
    [
        ("--temperature", "0.05", "must be 0 (greedy) or from 0.1 to 2.0 (from --temperature)"),
        ("--temperature", "nan", "temperature must be"),
        ("--top-p", "1.5", "top_p must be at most 1"),
        ("--sampler", "best", "sampler must be"),
        ("--max-chars", "0", "max_chars must be at least 1"),
        ("--stop", "", "stop must not be an empty text"),
    ],
)
def test_a_wrong_setting_is_a_usage_error(
    lumina: Lumina, letters_model: Path, flag: str, value: str, told: str
) -> None:
    outcome = lumina("chat", "-m", str(letters_model), "--prompt", "a", flag, value)
    assert outcome.code == 2
    assert told in outcome.err
    assert outcome.out == ""


def test_without_a_model_it_says_what_can_be_done(
    lumina: Lumina, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = lumina("chat")
    assert outcome.code == 66
    assert "there is no model Model.pth" in outcome.err
    assert "lumina train --preset demo" in outcome.err
    (tmp_path / "FineTuned_Model.pth").write_bytes(b"")
    assert "--model FineTuned_Model.pth" in lumina("chat").err


def test_in_a_folder_of_models_it_takes_model_pth(
    lumina: Lumina, letters_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(letters_model.parent)
    (letters_model.parent / "Another.pth").write_bytes(b"no model")
    assert lumina("chat", "--prompt", "a", "--max-chars", "3").code == 0


def test_no_control_character_of_the_model_comes_out(lumina: Lumina, wicked_model: Path) -> None:
    lines = "hello\n/probs 3\n/history\n/candidates 2\nagain\n/undo\n/stats\n"
    outcome = lumina(
        "chat", "-m", str(wicked_model), "--sampler", "nucleus", "--top-p", "1", stdin=lines
    )
    shown = outcome.out + outcome.err
    assert len(outcome.out) > 500
    assert not [c for c in shown if unicodedata.category(c) == "Cc" and c not in "\n\t"]


def test_no_control_character_of_the_user_comes_back(lumina: Lumina, letters_model: Path) -> None:
    wicked = "\x1b[31m[bold]red[/bold]\x9b2J"
    lines = f"{wicked}\n/{wicked}\ntemp {wicked}\n/system {wicked}\n/system\n/history\n/undo\n"
    lines += f"/load {wicked}\n/save /nowhere/{wicked}\n/edit {wicked}\n"
    outcome = lumina("chat", "-m", str(letters_model), "--max-chars", "3", stdin=lines)
    shown = outcome.out + outcome.err
    assert not [c for c in shown if unicodedata.category(c) == "Cc" and c not in "\n\t"]
    assert "[bold]red[/bold]" in outcome.err


def test_bytes_that_are_no_text_are_answered(lumina: Lumina, letters_model: Path) -> None:
    outcome = lumina("chat", "-m", str(letters_model), "--max-chars", "4", stdin=b"\xff\xfe\x80\n")
    assert (outcome.code, len(outcome.out)) == (0, 5)


def test_a_line_of_a_megabyte_is_answered(lumina: Lumina, letters_model: Path) -> None:
    lines = "x" * 1_000_000 + "\nok\n"
    outcome = lumina("chat", "-m", str(letters_model), "--max-chars", "4", stdin=lines)
    assert [len(line) for line in outcome.out.splitlines()] == [4, 4]
    assert outcome.err.count("only the newest part is read") == 1


def test_quiet_tells_nothing_beside_the_reply(lumina: Lumina, letters_model: Path) -> None:
    outcome = lumina(
        "chat", "-q", "-m", str(letters_model), "--prompt", "x" * 500, "--top-p", "0.5"
    )
    assert outcome.err == ""


def test_stop_texts_end_a_reply(lumina: Lumina, letters_model: Path) -> None:
    model = str(letters_model)
    whole = lumina("chat", "-m", model, "--seed", "1", "--prompt", "a", "--max-chars", "50").out
    stop = whole[10:12]
    cut = lumina("chat", "-m", model, "--seed", "1", "--prompt", "a", "--stop", stop, "--stop", "#")
    assert cut.out == whole[: whole.index(stop)] + "\n"


def test_beam_search_answers_and_shows_candidates(lumina: Lumina, letters_model: Path) -> None:
    outcome = lumina(
        "chat", "-m", str(letters_model), "--sampler", "beam", "--num-candidates", "3",
        "--max-chars", "8", "--prompt", "a",
    )  # fmt: skip
    assert len(outcome.out) == 9
    assert outcome.err.startswith("2. ")
    assert "\n3. " in outcome.err


def test_a_saved_chat_is_what_was_shown(lumina: Lumina, wicked_model: Path, tmp_path: Path) -> None:
    path = tmp_path / "chat.json"
    outcome = lumina("chat", "-m", str(wicked_model), stdin=f"hello\n/save {path}\n")
    saved = json.loads(path.read_text(encoding="utf-8"))
    assert saved["messages"][1]["text"] + "\n" == outcome.out


def test_a_saved_chat_and_a_system_message_can_be_begun_with(
    lumina: Lumina, letters_model: Path, tmp_path: Path
) -> None:
    model, chat = str(letters_model), str(tmp_path / "chat.json")
    lumina("chat", "-m", model, "--system", "Be kind.", stdin=f"hello\n/save {chat}\n")
    outcome = lumina(
        "chat", "-m", model, "--load", chat, "--seed", "3", stdin="/history\n/system\n"
    )
    assert "you> hello" in outcome.err
    assert "System message: Be kind." in outcome.err
    assert "seed has no effect: a saved chat goes on with its own settings" in outcome.err


def test_there_may_be_no_chat_to_go_on_with(
    lumina: Lumina, letters_model: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    outcome = lumina("chat", "-m", str(letters_model), "--continue", "--prompt", "hi")
    assert outcome.code == 66
    assert "there is no chat to go on with" in outcome.err


def test_what_a_reply_should_have_been_is_kept_and_takes_its_place(
    lumina: Lumina, letters_model: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = "/teach Too soon\nhello\n/teach Good day!\n/history\n"
    outcome = lumina("chat", "-m", str(letters_model), stdin=lines)
    assert "Nothing to correct yet" in outcome.err
    assert "lumina finetune --data taught.jsonl" in outcome.err
    assert "bot> Good day!" in outcome.err
    row = json.loads((tmp_path / "taught.jsonl").read_text(encoding="utf-8"))
    assert [m["content"] for m in row["messages"]] == ["hello", "Good day!"]
