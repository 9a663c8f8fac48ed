"""Which piece of a text is meant."""

from lumina_cli.core.model.transformer import Transformer
from lumina_cli.errors import UsageError
from lumina_cli.look.reading import Reading
from lumina_cli.look.surprise import surprise

MAX_DIGITS = 9


def place_asked(model: Transformer, reading: Reading, at: int | str | None) -> int:
    """Return the place that is asked for, from 1 to the length of the text.

    Args:
        model: that read the text.
        reading: the text.
        at: see `LookRequest`.

    Raises:
        UsageError: there is no such place.
    """
    if isinstance(at, str):
        at = _place_of(reading, at)
    if at is None:
        at = _least_sure(model, reading)
    if not 1 <= at <= len(reading):
        raise UsageError(f"there is no place {at} in the text, which has {len(reading)}")
    return at


def _least_sure(model: Transformer, reading: Reading) -> int:
    """Return the place that the model was least sure of, of those it learnt, if there is one."""
    view = surprise(model, reading)
    if view.least_sure:
        return view.least_sure[0] + view.text.num_left_out
    if len(reading) < 2:
        raise UsageError("there is no text to look into", hint='Give one: lumina look "Hello"')
    return len(reading) - 1


def _place_of(reading: Reading, text: str) -> int:
    """Return the place of the piece in which a text begins in the last turn."""
    turn, _ = reading.last_turn()
    found = turn.find(text) if text else -1
    is_number = text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS
    if found < 0 and is_number and 1 <= int(text) <= len(turn):
        found = int(text) - 1
    if found < 0:
        raise UsageError(
            f"{text[:50]!r} does not stand in {turn[:50]!r}",
            hint="Name a part of it, or the number of a character, such as 1.",
        )
    pieces = reading.text().pieces
    stop = len(pieces)
    while stop and not pieces[stop - 1].text:
        stop -= 1
    left = len(turn) - found
    while left > 0:
        stop -= 1
        left -= len(pieces[stop].text)
    return stop
