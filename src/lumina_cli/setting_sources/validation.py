"""Whether settings are valid, and what is wrong in the words of the person who set them."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from lumina_cli.errors import UsageError
from lumina_cli.setting_sources.number_meant import number_meant

Config = TypeVar("Config", bound=BaseModel)

MAX_NUMBER = 1 << 63
"""No whole number in the settings is as large."""


def validated(
    kind: type[Config], *, values: Mapping[str, object], sources: Mapping[str, str]
) -> Config:
    """Return a config of those values that are its own.

    Raises:
        UsageError: they are not valid; the message says where they came from.
    """
    own = {name: values[name] for name in kind.model_fields if name in values}
    _refuse_endless(own, sources=sources)
    try:
        config = kind.model_validate(own)
    except ValidationError as error:
        details = error.errors(include_url=False)
        raise _usage_error(details, given=own, sources=sources) from None
    _refuse_endless(dict(config), sources=sources)  # what was text before
    return config


def _refuse_endless(values: Mapping[str, object], *, sources: Mapping[str, str]) -> None:
    for name, value in values.items():
        if isinstance(value, int) and abs(value) >= MAX_NUMBER:
            place = sources.get(name, "the defaults")
            raise UsageError(f"{name} must be less than {MAX_NUMBER:,} (from {place})")


def _usage_error(
    errors: Sequence[ErrorDetails], *, given: Mapping[str, object], sources: Mapping[str, str]
) -> UsageError:
    """Say what is wrong in the words of the person who set it, and where that was."""
    details = errors[0]
    name = str(details["loc"][0]) if details["loc"] else ""
    says = explain_error(details).removeprefix(f"{name} ")  # as rules that name it themselves
    words = [each["ctx"]["expected"] for each in errors if _is_of_words(each, name)]
    if words and details["type"].startswith("int_"):  # a number or a word, and it is neither
        says = says.replace("a whole number", f"a whole number or {' or '.join(words)}")
    if not name:  # a rule over several settings: name every one that was set by hand
        places = [f"{key} from {sources[key]}" for key in given if key in sources and key in says]
        return UsageError(says + (f" ({', '.join(places)})" if places else ""))
    source = sources.get(name, "the defaults")
    return UsageError(f"{name} {says} (from {source})", hint=_meant(name, details, source=source))


def _meant(name: str, details: ErrorDetails, *, source: str) -> str:
    """Return what to write for a number that is written as a setting can't take it."""
    kind, given = details["type"], details["input"]
    if not kind.startswith(("int_", "float_")) or not isinstance(given, str):
        return ""
    is_whole, is_minutes = kind.startswith("int_"), name == "minutes"
    meant = number_meant(given, is_whole=is_whole, is_minutes=is_minutes)
    if not meant:
        return ""
    return (
        f"Did you mean: {source} {meant}" if source.startswith("--") else f"Did you mean {meant}?"
    )


def _is_of_words(details: ErrorDetails, name: str) -> bool:
    return details["type"] == "literal_error" and details["loc"][:1] == (name,)


def _bound(number: float) -> str:
    """Return 2 for 2.0, as a person writes it."""
    return str(int(number) if number == int(number) else number)


def explain_error(details: ErrorDetails) -> str:
    """Return a validation error in plain words, to stand after the name of the setting."""
    context = details.get("ctx", {})
    got = _beginning(details["input"])
    match details["type"]:
        case "greater_than_equal":
            return f"must be at least {_bound(context['ge'])}"
        case "greater_than":
            return f"must be more than {_bound(context['gt'])}"
        case "less_than_equal":
            return f"must be at most {_bound(context['le'])}"
        case "less_than":
            return f"must be less than {_bound(context['lt'])}"
        case "literal_error":
            return f"must be {context['expected']}, not {got!r}"
        case "value_error":
            return str(context["error"])
        case kind if kind.startswith("int_"):
            return f"must be a whole number, not {got!r}"
        case kind if kind.startswith(("float_", "finite_")):
            return f"must be a number, not {got!r}"
        case kind if kind.startswith("bool_"):
            return f"must be true or false, not {got!r}"
    return f"can't be {got!r}: {details['msg'].lower()}"


def _beginning(value: object) -> str:
    try:
        return str(value)[:40]
    except ValueError:  # it holds a number of more digits than Python shows
        return "a number of thousands of digits"
