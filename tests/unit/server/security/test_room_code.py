"""The room code of a class."""

import pytest

from lumina_cli.errors import UsageError
from lumina_cli.recipes.server_packages import serve_settings
from lumina_cli.server.config import ServeConfig
from lumina_cli.server.security.api_key import VARIABLE
from lumina_cli.server.security.room_code import MAX_WRONG, RoomCode, read_room_code


def test_wrong_codes_are_counted_by_address_and_forgotten_after_a_minute() -> None:
    now_s = [0.0]
    code = RoomCode("Blue-7", clock=lambda: now_s[0])
    assert code.matches(b"bLUE-7")
    assert not code.matches(b"blue-8")
    for _ in range(MAX_WRONG):
        assert code.may_try("a")
        code.note_wrong("a")
    assert not code.may_try("a")
    assert code.may_try("b")
    now_s[0] = 61.0
    assert code.may_try("a")


@pytest.mark.parametrize("code", ["", "short", "with space", "ümlaut-7", "x" * 65])
def test_what_could_be_guessed_or_not_be_sent_is_no_code(code: str) -> None:
    with pytest.raises(UsageError) as caught:
        serve_settings(flags={"class_code": code}, environ={}, toml=None)
    assert "must be 6 to 64 letters (a to z), digits and hyphens (from --class)" in str(
        caught.value
    )


@pytest.mark.parametrize(
    ("settings", "environ"),
    [({"no_auth": True}, {}), ({"api_key_file": "k"}, {}), ({}, {VARIABLE: "k" * 20})],
)
def test_a_key_beside_it_is_refused(settings: dict[str, object], environ: dict[str, str]) -> None:
    config = ServeConfig.model_validate({"class_code": "blue-7-whale", **settings})
    with pytest.raises(UsageError, match="no key beside it"):
        read_room_code(config, environ)


def test_without_a_class_there_is_none() -> None:
    assert read_room_code(ServeConfig(), {}) is None
    assert read_room_code(ServeConfig(class_code="blue-7"), {}) is not None
