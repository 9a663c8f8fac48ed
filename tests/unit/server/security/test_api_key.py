"""Where the key is read from, and what is told about it."""

import os
from pathlib import Path

import pytest

from lumina_cli.errors import LuminaError, MissingInputError, UsageError
from lumina_cli.server.config import ServeConfig
from lumina_cli.server.security.api_key import ApiKey, read_api_key

KEY = "sk-0123456789abcdef"


def key_file(folder: Path, content: bytes, *, mode: int = 0o600) -> ServeConfig:
    """Write a key file and return settings that name it."""
    path = folder / "key.txt"
    path.write_bytes(content)
    path.chmod(mode)
    return ServeConfig(api_key_file=str(path))


def test_a_key_is_the_line_of_the_file(tmp_path: Path) -> None:
    for content in (KEY, f"{KEY}\n", f"{KEY}\r\n", f"\ufeff{KEY}\n"):
        key = read_api_key(key_file(tmp_path, content.encode()), {})
        assert key is not None
        assert key.matches(KEY.encode())


def test_the_variable_is_read_where_no_file_is_named_and_the_file_comes_first(
    tmp_path: Path,
) -> None:
    environ = {"LUMINA_API_KEY": "another-key-of-the-variable"}
    by_variable = read_api_key(ServeConfig(), environ)
    by_file = read_api_key(key_file(tmp_path, KEY.encode()), environ)
    assert by_variable is not None
    assert by_variable.matches(b"another-key-of-the-variable")
    assert by_file is not None
    assert not by_file.matches(b"another-key-of-the-variable")


def test_without_a_key_this_machine_alone_is_served() -> None:
    for host in ("127.0.0.1", "localhost", "::1", "127.8.9.1"):
        assert read_api_key(ServeConfig(host=host), {}) is None


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "example.org", "127.1", "0"])
def test_other_machines_are_not_served_without_a_key(host: str) -> None:
    with pytest.raises(UsageError, match="no API key is set") as caught:
        read_api_key(ServeConfig(host=host), {})
    assert "--no-auth" in caught.value.hint
    assert read_api_key(ServeConfig(host=host), {"LUMINA_API_KEY": KEY}) is not None


def test_no_auth_is_told_and_lets_everybody_in() -> None:
    told: list[str] = []
    config = ServeConfig(host="0.0.0.0", no_auth=True)
    assert read_api_key(config, {"LUMINA_API_KEY": KEY}, warn=told.append) is None
    assert told == [
        "the API key is not used: --no-auth lets everybody in",
        "everybody who can reach 0.0.0.0 can use this server",
    ]


def test_no_auth_on_this_machine_alone_needs_no_word() -> None:
    told: list[str] = []
    assert read_api_key(ServeConfig(no_auth=True), {}, warn=told.append) is None
    assert told == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"short\n", "has 5 characters, not 16 to 512"),
        (b"x" * 513, "has 513 characters"),
        (b"two words of a long key", "one line of ASCII without spaces"),
        (b"a-long-enough-key\nand-a-second-line", "one line of ASCII without spaces"),
        ("ein-schlüssel-mit-umlaut".encode(), "one line of ASCII without spaces"),
        (b"\xff\xfe\x00 not even text", "one line of ASCII without spaces"),
        (b"a-long-enough\x00key", "one line of ASCII without spaces"),
    ],
)
def test_what_is_no_key_is_refused_and_not_repeated(
    tmp_path: Path, content: bytes, message: str
) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        read_api_key(key_file(tmp_path, content), {})
    assert "make one:" in caught.value.hint
    for word in (b"long", b"words", b"second"):
        assert word.decode() not in caught.value.message


def test_an_empty_variable_is_no_silent_way_to_no_key() -> None:
    with pytest.raises(UsageError, match="LUMINA_API_KEY is empty"):
        read_api_key(ServeConfig(), {"LUMINA_API_KEY": ""})


@pytest.mark.skipif(os.name != "posix", reason="modes as POSIX has them")
def test_a_file_that_others_may_read_is_told(tmp_path: Path) -> None:
    told: list[str] = []
    config = key_file(tmp_path, KEY.encode(), mode=0o644)
    assert read_api_key(config, {}, warn=told.append) is not None
    assert told == [
        f"other users may read or change {config.api_key_file}; chmod 600 {config.api_key_file}"
    ]


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    places = [tmp_path, tmp_path / "missing"]
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        places.append(tmp_path / "pipe")
    for place in places:
        with pytest.raises(MissingInputError, match="the API key can't be read"):
            read_api_key(ServeConfig(api_key_file=str(place)), {})


def test_a_large_file_is_not_read_whole(tmp_path: Path) -> None:
    with pytest.raises(LuminaError, match="more than"):
        read_api_key(key_file(tmp_path, b"x" * 10_000_000), {})


def test_a_key_is_compared_over_digests_of_one_length() -> None:
    key = ApiKey(KEY)
    assert key.matches(KEY.encode())
    for wrong in (b"", KEY[:-1].encode(), KEY.encode() + b"\x00", b"\xff" * 1_000_000):
        assert not key.matches(wrong)
    assert KEY not in str(vars(key))
