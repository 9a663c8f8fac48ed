"""How long a run lasts of which nobody said it, where all of it would take very long."""

from lumina_cli.settings import LIMITS, Settings

LONG_S = 3600.0
"""A run that takes longer is none that somebody begins without knowing."""

SHORT_MINUTES, LONGER_MINUTES = 10.0, 60.0
"""What is offered instead."""


def has_no_length(settings: Settings) -> bool:
    """Whether no source says when the run ends: neither epochs, nor steps, nor minutes."""
    return LIMITS.isdisjoint(settings.sources)


def for_minutes(settings: Settings, minutes: float) -> Settings:
    """Return the settings of a run that ends in time, with a model to suit unless one is named."""
    limits = {**dict.fromkeys(LIMITS), "minutes": minutes}
    return settings.replaced(limits, source="--minutes")
