"""What people type or write by hand: settings and lines of a chat."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumina_cli.chat.parser import COMMANDS, parse
from lumina_cli.core.training.parallel.place import find_place
from lumina_cli.io.terminal_text import one_line, strip_controls
from lumina_cli.settings import ALL_CONFIGS, resolve_settings, setting_names

from .bounds import fuzzed, reads_or_refuses

NAMES = st.sampled_from([*setting_names(), "preset", "nhead", "unknown", '"quoted"', "a.b"])
TOML_VALUES = st.sampled_from(
    ["1", "-1", "1.5", "nan", "inf", "true", '"auto"', "[]", "{}", "[1, 2]", "1979-05-27", "0xff",
     "1e400", "9" * 5000, '"' + "9" * 5000 + '"', "'''", '"\\ud800"', "07:32:00", "1_0", "=", "[["]
)  # fmt: skip
TOML = st.lists(
    st.builds("{} = {}\n".format, NAMES, TOML_VALUES | st.integers().map(str) | st.text(max_size=8))
    | st.sampled_from(["[section]\n", "[[a]]\n", "# note\n", "\ufeff", "\0", "\r", "x"]),
    max_size=6,
).map("".join)


@pytest.fixture(scope="module")
def toml(tmp_path_factory: pytest.TempPathFactory) -> Callable[[bytes], Path]:
    path = tmp_path_factory.mktemp("fuzz") / "lumina.toml"

    def write(data: bytes) -> Path:
        path.write_bytes(data)
        return path

    return write


def resolve(**options: object) -> None:
    """Resolve all settings; only an error of ours is allowed."""
    given_options: dict[str, object] = {"flags": {}, "environ": {}, **options}
    reads_or_refuses(lambda: resolve_settings(ALL_CONFIGS, **given_options).values())  # type: ignore[arg-type]


@fuzzed
@given(TOML.map(lambda text: text.encode("utf-8", "replace")) | st.binary(max_size=60))
def test_any_settings_file(toml: Callable[[bytes], Path], data: bytes) -> None:
    resolve(toml=toml(data))


@fuzzed
@given(st.dictionaries(NAMES, TOML_VALUES | st.text(max_size=12), max_size=4))
def test_any_environment(values: dict[str, str]) -> None:
    resolve(environ={f"LUMINA_{name.upper()}": value for name, value in values.items()})


@fuzzed
@given(
    st.dictionaries(
        st.sampled_from(
            ["RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "GROUP_RANK", "MASTER_ADDR",
             "MASTER_PORT", "TORCHELASTIC_RUN_ID", "TORCHELASTIC_RESTART_COUNT"]
        ),
        st.integers(-2, 4).map(str) | st.integers().map(str) | st.text(max_size=6),
    )
)  # fmt: skip
def test_any_variables_of_a_launcher(values: dict[str, str]) -> None:
    place = find_place({"RANK": "0", "WORLD_SIZE": "2", "MASTER_PORT": "1", **values})
    if place is not None:
        assert 0 <= place.index < place.world_size <= 100_000
        assert 0 <= place.local_rank < place.local_world_size
        assert 0 < place.port < 65_536


WORDS = st.sampled_from([*sorted(COMMANDS), *(f"/{name}" for name in COMMANDS), "//", "/"])


@fuzzed
@given(st.builds("{}{}{}".format, WORDS, st.sampled_from(["", " ", "\t", "\n"]), st.text()))
def test_any_line_of_a_chat_means_something(line: str) -> None:
    assert parse(line) is not None


@fuzzed
@given(st.text())
def test_any_text_is_one_line(text: str) -> None:
    assert "\n" not in one_line(text)
    assert strip_controls(strip_controls(text)) == strip_controls(text)
