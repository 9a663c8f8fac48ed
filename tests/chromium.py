"""Where Chromium is, and what happens without it: a skip, or a failure where CI insists on it."""

import os
import shutil
from typing import NoReturn

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or ""
MUST_RUN = os.environ.get("CI") == "true" or "REQUIRE_BROWSER" in os.environ


def is_missing(reason: str) -> NoReturn:
    """Skip the test, or fail it."""
    (pytest.fail if MUST_RUN else pytest.skip)(reason)
