"""Bounds from the settings."""

from lumina_cli.server.config import ServeConfig
from lumina_cli.server.http.limits import HttpLimits


def test_they_are_the_settings() -> None:
    config = ServeConfig(
        header_timeout_s=1,
        body_timeout_s=2,
        idle_timeout_s=3,
        max_body_bytes=4096,
        max_header_bytes=2048,
    )
    limits = HttpLimits.from_config(config)
    assert (limits.header_timeout_s, limits.body_timeout_s, limits.idle_timeout_s) == (1, 2, 3)
    assert (limits.max_body_bytes, limits.max_header_bytes) == (4096, 2048)


def test_the_defaults_are_those_of_the_settings() -> None:
    assert HttpLimits.from_config(ServeConfig()) == HttpLimits()


def test_requests_that_may_wait_have_connections() -> None:
    limits = HttpLimits.from_config(ServeConfig(max_queue=1000, max_streams=32))
    assert limits.max_connections > 1000 + 32
