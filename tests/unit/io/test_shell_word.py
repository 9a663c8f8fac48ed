"""A suggested command does what it says, whatever a file is called."""

import os
import shutil
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lumina_cli.io.shell_word import shell_word
from lumina_cli.io.terminal_text import one_line

BASH = shutil.which("bash")
posix = pytest.mark.skipif(os.name == "nt" or BASH is None, reason="it asks bash")


def read_by_bash(words: list[str]) -> list[bytes]:
    show = "import os, sys; [print(os.fsencode(word).hex()) for word in sys.argv[1:]]"
    assert BASH
    done = subprocess.run(
        [BASH, "-c", f'"$0" -c "$1" {" ".join(words)}', sys.executable, show],
        capture_output=True,
        check=True,
        text=True,
    )
    return [bytes.fromhex(line) for line in done.stdout.splitlines()]


def test_a_plain_name_stays_as_it_is() -> None:
    assert [shell_word(name) for name in ("Model.pth", "runs/bot-v1.5", "a_b")] == [
        "Model.pth",
        "runs/bot-v1.5",
        "a_b",
    ]


@posix
@settings(max_examples=5)
@given(st.lists(st.binary(min_size=1, max_size=12).filter(lambda data: 0 not in data), min_size=40))
def test_bash_reads_every_name_as_it_is(names: list[bytes]) -> None:
    names += [b"my model.pth", b"it's", b"a\nb", b"$HOME `ls` \\", b"caf\xe9.txt", "käse".encode()]
    words = [shell_word(os.fsdecode(name)) for name in names]
    assert read_by_bash(words) == names
    assert all(one_line(word) == word for word in words)
