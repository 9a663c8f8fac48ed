"""The scripts in which a text is written.

Python does not know the script of a character, but its name, which for a letter begins with the
script (CYRILLIC SMALL LETTER A). Where the name begins with something else, as with
FULLWIDTH or MODIFIER, the letter is counted among "other letters".
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable

_OTHER_NAMES = {"CJK": "Han", "KANGXI": "Han", "IDEOGRAPHIC": "Han"}
_NO_SCRIPTS = frozenset(
    {"COMBINING", "DOUBLE", "FEMININE", "FULLWIDTH", "HALFWIDTH", "MASCULINE", "MATHEMATICAL"}
    | {"MICRO", "MODIFIER", "SCRIPT", "SUPERSCRIPT", "SUBSCRIPT", "VARIATION", "VERTICAL"}
)
_KINDS = {
    "N": "digits",
    "P": "punctuation",
    "S": "symbols and emoji",
    "Z": "spaces",
    "C": "control and unassigned",
}


def script_of(character: str) -> str:
    """Return the script of a letter or mark, or the kind of any other character."""
    if character in "\n\r\t":
        return _KINDS["Z"]
    kind = unicodedata.category(character)[0]
    if kind in _KINDS:
        return _KINDS[kind]
    script = unicodedata.name(character, "").partition(" ")[0]
    if not script or script in _NO_SCRIPTS:
        return "other letters"
    return _OTHER_NAMES.get(script, script.capitalize())


def characters_by_script(counts: Iterable[tuple[str, int]]) -> Counter[str]:
    """Return how many characters stand in each script, from how often each character does."""
    scripts: Counter[str] = Counter()
    for character, count in counts:
        scripts[script_of(character)] += count
    return scripts
