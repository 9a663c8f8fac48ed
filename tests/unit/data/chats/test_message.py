"""Names of speakers as they are compared."""

import pytest

from lumina_cli.data.chats.message import same_name


@pytest.mark.parametrize(
    ("exported", "typed"),
    [
        ("~\u202fAnna", "anna"),
        ("+55 11 98765\u20114321", "+55 11 98765-4321"),
        ("Ben O\u2019Neil", "ben o'neil"),
        ("İbrahim Işık", "IBRAHIM IŞIK"),
        ("Ｂｅｎ", "Ben"),
    ],
)
def test_a_name_is_the_same_as_people_type_it(exported: str, typed: str) -> None:
    assert same_name(exported) == same_name(typed)


def test_other_names_are_others() -> None:
    assert same_name("Jose") != same_name("José")
