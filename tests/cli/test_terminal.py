"""Chats through a real terminal."""

import json
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pexpect = pytest.importorskip("pexpect")
if sys.platform == "win32":
    pytest.skip("needs a POSIX terminal", allow_module_level=True)

LUMINA = "from lumina_cli.cli.app import main; main()"
CONTROLS = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\x1b[=>]|\x1b\][^\x07]*\x07")

Start = Callable[..., "pexpect.spawn[str]"]


def hear_ctrl_c() -> None:
    """Undo what a shell does to what it starts in the background: such programs ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start `lumina` in a terminal of its own, with a home of its own."""
    children = []

    def start(*arguments: str, codec: str = "utf-8", **environment: str) -> "pexpect.spawn[str]":
        environment = {
            **os.environ,
            "TERM": "xterm",
            "LC_ALL": "C.UTF-8",
            "HOME": str(tmp_path),
            "XDG_DATA_HOME": str(tmp_path / "data"),
            "OMP_NUM_THREADS": "1",
            "PROMPT_TOOLKIT_NO_CPR": "1",
            **environment,
        }
        child = pexpect.spawn(
            sys.executable,
            ["-c", LUMINA, *arguments],
            env=environment,
            encoding=codec,
            codec_errors="replace",
            dimensions=(40, 120),
            timeout=25,
            preexec_fn=hear_ctrl_c,
        )
        child.delaybeforesend = None
        children.append(child)
        return child

    yield start
    for child in children:
        child.close(force=True)


def end(child: "pexpect.spawn[str]") -> int | None:
    child.expect(pexpect.EOF)
    child.close()
    return child.exitstatus


def lines_of(shown: str) -> str:
    return CONTROLS.sub("", shown).replace("\r", "")


def test_a_chat_from_header_to_exit(start: Start, letters_model: Path) -> None:
    pytest.importorskip("prompt_toolkit")
    child = start("chat", "-m", str(letters_model), "--max-chars", "30")
    gap = r"(?:\s|\x1b\[\d*m)+"  # where a long path wraps the line
    child.expect(
        r"43,\d+ parameters, trained on letters.txt, 2.16 bits per character, 2026".replace(
            " ", gap
        )
    )
    child.expect("sampler: top-k 3, temperature 0.8 · help lists the commands")
    child.expect("you>")
    reply = r"bot> \S*[a-z ]{30}\s"
    for keys, told in [
        ("temp 1.2\r", "Temperature set to 1.2"),
        ("temp nan\r", "not 'nan'"),
        ("nucleus\r", "Nucleus sampling"),
        ("hello\r", reply),
        ("temp is high today\r", reply),
        ("/stats\r", "turns: 2"),
        ("/undo\r", "Undone: temp is high today"),
        ("/retry\r", reply),
        ("/probs 2\r", "how sure it was"),
        ("/hist\t", r"/hist\S*ory"),  # completed, drawn at once or in two
        ("\r", "you> hello"),
        ("/edit\r", "/edit hello"),
        ("\x7fxo\r", reply),
        ("/history\r", "you> hellxo"),
        ("clear\r", "Conversation cleared"),
        ("/history\r", "Nothing was said yet"),
        ("/multiline\r", "Esc, then Enter sends"),
        ("first\rsecond\x1b\r", reply),
        ("/history\x1b\r", r"you> first\S*\r\n\S*second"),
        ("/multiline\x1b\r", "off: Enter sends"),
        ("help\r", "/multiline"),
    ]:
        child.setwinsize(10 + len(keys), 120 + len(keys))  # resizing changes nothing
        child.send(keys)
        child.expect(told)
        if keys not in ("/hist\t", "/edit\r"):  # in these the prompt came before
            child.expect("you>")
    child.send("exit\r")
    child.expect("Bye")
    assert end(child) == 0

    child = start("chat", "-m", str(letters_model), "--max-chars", "5")
    child.expect("exit leaves")
    child.expect("you>")
    child.send("\x1b[A\x1b[A")  # what was typed in the chat before
    child.expect("help")
    child.send("\x03")
    child.expect("Ctrl-C again")
    child.expect("you>")
    child.sendeof()
    assert end(child) == 0


def test_ctrl_c_stops_a_reply_and_keeps_what_was_shown(
    start: Start, letters_model: Path, tmp_path: Path
) -> None:
    child = start("chat", "-m", str(letters_model), "--max-chars", "1000000")
    child.expect("you>")
    child.send("hello\r")
    child.expect("bot> ")
    child.expect("[a-z ]{60}")
    shown = child.before + child.after
    child.sendintr()
    child.expect(r"\(stopped\)")
    shown += child.before
    child.expect("you>")
    saved = tmp_path / "chat.json"
    child.send(f"/save {saved}\r")
    child.expect("Saved to")
    child.expect("you>")
    child.sendintr()
    child.expect("Ctrl-C again")
    child.expect("you>")
    child.sendintr()
    assert end(child) == 130
    reply = json.loads(saved.read_text(encoding="utf-8"))["messages"][1]["text"]
    # Of what was written last the terminal itself drops some at Ctrl-C.
    said = lines_of(shown).replace("^C", "").strip("\n")
    assert len(said) >= 50
    assert reply.startswith(said.replace(" \n", " "))  # lines break between words


@pytest.mark.slow
def test_a_pasted_megabyte_is_one_message(
    start: Start, letters_model: Path, tmp_path: Path
) -> None:
    pytest.importorskip("prompt_toolkit")
    child = start("chat", "-m", str(letters_model), "--max-chars", "5", NO_COLOR="1")
    child.expect("you>")
    pasted = "word and\n" * 120_000
    child.send("\x1b[200~" + pasted + "\x1b[201~")
    child.expect(r"\[pasted 1,080,000 characters, 1\]")
    child.send("\r")
    child.expect("only the newest part is read")
    child.expect("you>")
    child.send("/probs\r")
    child.expect("in tenths")  # and no colours
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", child.before)
    child.expect("you>")
    saved = tmp_path / "chat.json"
    child.send(f"/save {saved}\r")
    child.expect("Saved to")
    said = json.loads(saved.read_text(encoding="utf-8"))["messages"][0]["text"]
    assert said == pasted.strip()


def test_a_terminal_that_knows_nothing_gets_no_escapes(start: Start, wicked_model: Path) -> None:
    child = start("chat", "-m", str(wicked_model), "--max-chars", "2000", TERM="dumb")
    seen = ""
    for line in ["hello", "/probs 2", "temp 0.5", "/edit"]:
        child.expect("you>")
        seen += child.before
        child.sendline(line)
    child.expect("/edit hello")
    seen += child.before
    assert "in tenths" in " ".join(seen.split())
    assert not re.search(r"[\x00-\x06\x0b\x0c\x0e-\x1f\x7f-\x9f]", seen)
    child.sendintr()
    child.expect("Ctrl-C again")
    child.expect("you>")
    child.sendintr()
    assert end(child) == 130


@pytest.mark.parametrize(
    ("environment", "codec"),
    [
        ({"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, "ascii"),
        pytest.param({"LC_ALL": "C"}, "utf-8", marks=pytest.mark.slow),
        pytest.param({"PYTHONIOENCODING": "latin-1"}, "latin-1", marks=pytest.mark.slow),
    ],
)
def test_any_locale_will_do(
    start: Start, letters_model: Path, environment: dict[str, str], codec: str
) -> None:
    child = start("chat", "-m", str(letters_model), TERM="dumb", codec=codec, **environment)
    for line, told in [
        ("greedy", "Greedy"),
        ("h\xe9llo \u20ac", "bot> "),
        ("temp 1.2", "set to 1.2"),
    ]:
        child.expect("you>")
        os.write(child.child_fd, f"{line}\n".encode())
        child.expect(told)
    child.expect("you>")
    child.sendline("exit")
    assert end(child) == 0
