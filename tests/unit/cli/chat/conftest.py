"""The tiny models of the transcripts."""

from tests.cli.conftest import wicked_model

__all__ = ["wicked_model"]
