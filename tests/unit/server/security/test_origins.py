"""Origins in the settings."""

import pytest

from lumina_cli.errors import UsageError
from lumina_cli.server.security.origins import checked_origins


@pytest.mark.parametrize(
    ("written", "origin"),
    [
        ("https://example.org", "https://example.org"),
        ("https://Example.org/", "https://example.org"),
        ("https://example.org:443", "https://example.org"),
        ("http://example.org:80", "http://example.org"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("https://example.org:80", "https://example.org:80"),
        ("http://[::1]:3000", "http://[::1]:3000"),
    ],
)
def test_an_origin_is_written_as_browsers_send_it(written: str, origin: str) -> None:
    assert checked_origins([written]) == {origin}


@pytest.mark.parametrize(
    "written",
    [
        "",
        "*",
        "null",
        "example.org",
        "ftp://example.org",
        "https://example.org/chat",
        "https://a b",
    ],
)
def test_what_is_no_origin_is_refused(written: str) -> None:
    with pytest.raises(UsageError, match="is not an origin"):
        checked_origins([written])
