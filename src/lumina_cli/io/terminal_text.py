"""What of a text may be shown: a terminal obeys control characters, so they are left out."""

_CONTROLS = [*range(0x20), *range(0x7F, 0xA0)]
_WITHOUT_CONTROLS = dict.fromkeys(code for code in _CONTROLS if chr(code) not in "\n\t")


def strip_controls(text: str) -> str:
    """Remove C0 and C1 control characters and DEL; newline and tab stay."""
    return text.translate(_WITHOUT_CONTROLS)
