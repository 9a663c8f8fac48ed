"""Who speaks, where speakers have names of their own: Alice and Bob, agent_1 and agent_2.

The first to speak is the user and the second the bot; everyone else is a user, too. Names of roles
among them ("bot", "user") keep their meaning.
"""

from collections.abc import Iterable

from lumina_cli.conversation import ROLE_NAMES, Role
from lumina_cli.data.rows import BadRow, RowNotes, in_short, role_of

SPEAKER_KEYS = ("speaker", "agent", "sender", "from")
"""Under these may stand the name of a person; under "role" a role, and under "author" who wrote."""


class Speakers:
    """The roles of speakers in the order in which they begin to speak."""

    def __init__(self) -> None:
        self._roles: dict[str, Role] = {}

    def role_of(self, name: object) -> Role:
        """Return the role of a speaker. Raises BadRow where there is no name."""
        if not isinstance(name, str) or not name.strip():
            return role_of(name)
        key = name.strip().lower()
        if key not in self._roles:
            named = ROLE_NAMES.get(key)
            has_bot = "bot" in self._roles.values()
            self._roles[key] = named or ("bot" if self._is_second and not has_bot else "user")
        return self._roles[key]

    @property
    def _is_second(self) -> bool:
        return "user" in self._roles.values()


def roles_of_speakers(names: Iterable[object], *, notes: RowNotes) -> list[Role]:
    """Return the roles of the turns of one conversation, by the names of those who speak.

    Raises:
        BadRow: a name is missing, or nobody but one unknown speaks.
    """
    names = list(names)
    speakers = Speakers()
    roles = [speakers.role_of(name) for name in names]
    tell_names(names, notes=notes)
    if "bot" not in roles:
        raise BadRow("its role is unknown", example=f"role: {in_short(names[0])}")
    return roles


def tell_names(names: Iterable[object], *, notes: RowNotes) -> None:
    """Tell that speakers have names, if they do."""
    for name in names:
        if not is_role(name):
            wording = "its speakers have names: the first is read as the user, the next as the bot"
            notes.notice(wording, example=in_short(name))
            return


def is_role(name: object) -> bool:
    """Say whether a name is that of a role."""
    return isinstance(name, str) and name.strip().lower() in ROLE_NAMES
