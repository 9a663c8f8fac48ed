"""Which number somebody meant who wrote one as people do: 1h, 10%, 0,5, 1e3, 10k."""

import math
import re

_NUMBER = re.compile(r"([-+]?[\d.,_]*\d[\d.,_]*(?:e[-+]?\d+)?)\s*([a-z%]*)", re.IGNORECASE)
_THOUSANDS = re.compile(r"\d{1,3}(?:[,_]\d{3})+")
_MINUTES = {
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 60.0),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 1.0),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1 / 60),
    **dict.fromkeys(("d", "day", "days"), 24 * 60.0),
}
_FACTORS = {"": 1.0, "%": 0.01, "k": 1e3, "m": 1e6}


def number_meant(text: str, *, is_whole: bool, is_minutes: bool) -> str:
    """Return a number as a setting takes it; "" where no such number can be meant."""
    found = _NUMBER.fullmatch(text.strip())
    if found is None:
        return ""
    digits, unit = found[1], found[2].lower()
    factor = (_MINUTES if is_minutes and unit else _FACTORS).get(unit)
    digits = digits.replace(",", "" if _THOUSANDS.fullmatch(digits) else ".").replace("_", "")
    try:
        number = float(digits) * (factor or 0)
    except ValueError:  # 1.2.3
        return ""
    if unit == "%" and number > 1:  # 150%: no setting is a share of more than all
        return ""
    if factor is None or not math.isfinite(number) or (is_whole and number % 1):
        return ""
    return f"{number:.0f}" if is_whole else f"{number:.6g}"
