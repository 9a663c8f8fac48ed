"""Settings resolved from what is given."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from lumina_cli.errors import UsageError
from lumina_cli.settings import (
    ALL_CONFIGS,
    Settings,
    resolve_settings,
)


def resolve(
    *,
    flags: Mapping[str, object] | None = None,
    environ: Mapping[str, str] | None = None,
    toml: str | None = None,
    **given: Any,
) -> Settings:
    """Resolve, `toml` being what stands in a settings file of another name."""
    path = None
    if toml is not None:
        path = Path("mine.toml")
        path.write_text(toml, encoding="utf-8")
    return resolve_settings(
        ALL_CONFIGS, flags=flags or {}, environ=environ or {}, toml=path, **given
    )


def wrong(**given: Any) -> UsageError:
    with pytest.raises(UsageError) as caught:
        resolve(**given)
    return caught.value
