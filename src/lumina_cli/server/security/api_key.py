"""The API key: where it is read from, and when a server may do without."""

import hashlib
import hmac
import os
import re
import stat
from collections.abc import Callable, Mapping
from pathlib import Path

from lumina_cli.errors import MissingInputError, UsageError
from lumina_cli.io.regular_file import read_whole
from lumina_cli.server.config import ServeConfig
from lumina_cli.server.security.hosts import is_loopback

VARIABLE = "LUMINA_API_KEY"
MIN_CHARS = 16
MAX_CHARS = 512

_PRINTABLE = re.compile(r"[\x21-\x7e]+")
_MAKE_ONE = (
    "make one: umask 077; python -c 'import secrets; print(secrets.token_urlsafe(32))' > key.txt"
)


class ApiKey:
    """A key that is compared in the same time wherever a guess is wrong."""

    def __init__(self, text: str) -> None:
        self._digest = _digest(text.encode())

    def matches(self, given: bytes) -> bool:
        """Tell whether this is the key."""
        return hmac.compare_digest(self._digest, _digest(given))


def read_api_key(
    config: ServeConfig,
    environ: Mapping[str, str],
    *,
    warn: Callable[[str], None] = lambda _: None,
) -> ApiKey | None:
    """Return the key of the file or else of the variable, None without one.

    Args:
        config: names the file, and whether nobody needs a key.
        environ: the environment.
        warn: called with what the user should know.

    Raises:
        MissingInputError: the file can't be read.
        UsageError: what is there is no key, or there is none though other machines can connect.
    """
    key = _named_key(config, environ, warn=warn)
    if config.no_auth:
        _warn_of_no_auth(config, has_key=key is not None, warn=warn)
        return None
    if key is None and not is_loopback(config.host):
        raise UsageError(
            f"other machines can reach {config.host}, and no API key is set",
            hint=f"--api-key-file FILE or {VARIABLE}, or --no-auth to let everybody in",
        )
    return key


def _named_key(
    config: ServeConfig, environ: Mapping[str, str], *, warn: Callable[[str], None]
) -> ApiKey | None:
    if config.api_key_file is not None:
        path = Path(config.api_key_file).expanduser()
        return ApiKey(_checked(_read(path, warn=warn), where=str(path)))
    if VARIABLE in environ:
        return ApiKey(_checked(environ[VARIABLE], where=VARIABLE))
    return None


def _warn_of_no_auth(config: ServeConfig, *, has_key: bool, warn: Callable[[str], None]) -> None:
    if has_key:
        warn("the API key is not used: --no-auth lets everybody in")
    if not is_loopback(config.host):
        warn(f"everybody who can reach {config.host} can use this server")


def _read(path: Path, *, warn: Callable[[str], None]) -> str:
    try:
        data = read_whole(path, max_bytes=4 * MAX_CHARS)
        mode = path.stat().st_mode
    except OSError as error:
        raise MissingInputError(
            f"the API key can't be read from {path}: {error.strerror}", hint=_MAKE_ONE
        ) from error
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        warn(f"other users may read or change {path}; chmod 600 {path}")
    return data.decode("utf-8", errors="replace")


def _checked(text: str, *, where: str) -> str:
    """Return a key without the end of its line; the error never repeats it."""
    key = text.removeprefix("\ufeff").strip(" \t\r\n")
    if not key:
        raise UsageError(f"the API key in {where} is empty", hint=_MAKE_ONE)
    if not _PRINTABLE.fullmatch(key):
        raise UsageError(
            f"the API key in {where} must be one line of ASCII without spaces", hint=_MAKE_ONE
        )
    if not MIN_CHARS <= len(key) <= MAX_CHARS:
        raise UsageError(
            f"the API key in {where} has {len(key)} characters, not {MIN_CHARS} to {MAX_CHARS}",
            hint=_MAKE_ONE,
        )
    return key


def _digest(text: bytes) -> bytes:
    """Return what is compared: of one length, whatever was given."""
    return hashlib.sha256(text).digest()
