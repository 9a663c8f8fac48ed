"""The header of a mail at the beginning of a text."""

import re

_FIELD = re.compile(
    r"[ \t]*+([A-Za-z][\w-]{1,40}):[ \t]?[^\n]{0,2000}+(?:\n[ \t]++[^\n]{1,2000}+){0,50}+\n"
)
_SENDERS = frozenset(("from", "sender", "return-path"))
_OTHERS = frozenset(("subject", "date", "message-id", "received", "newsgroups"))
_FEWEST_FIELDS, _MAX_FIELDS = 3, 100


def may_hold_mail_header(text: str) -> bool:
    """Say whether a text may begin with a mail header, or many texts joined may hold one."""
    return ("Subject:" in text or "Date:" in text) and ("From:" in text or "Sender:" in text)


def begins_with_mail_header(text: str) -> bool:
    """Say whether the first lines are fields of a mail: who sent it, and more."""
    if not may_hold_mail_header(text):
        return False
    names, at = set(), len(text) - len(text.lstrip())
    for _ in range(_MAX_FIELDS):
        field = _FIELD.match(text, at)
        if field is None:
            break
        names.add(field[1].lower())
        at = field.end()
    is_sent = bool(names & _SENDERS) and bool(names & _OTHERS)
    return is_sent and len(names) >= _FEWEST_FIELDS
