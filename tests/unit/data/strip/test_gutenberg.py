from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumina_cli.data.strip.gutenberg import MAX_LICENCE_CHARS, LicenceFinder

HEADER = "The Project Gutenberg EBook of A Book, by Nobody\n\nTitle: A Book\n\n"
START = "*** START OF THIS PROJECT GUTENBERG EBOOK A BOOK ***\n"
BOOK = "\nChapter I\n\n*** It was night.\n\nThe End\n\n"
END = "*** END OF THIS PROJECT GUTENBERG EBOOK A BOOK ***\n"
LICENCE = (
    "\n*** START: FULL LICENSE ***\nTHE FULL PROJECT GUTENBERG LICENSE\n\n1.A. By reading\n\n"
    "how to subscribe to our email newsletter to hear about new eBooks.\n"
)


def pieces(*chunks: str) -> list[tuple[str, bool]]:
    """Return texts and whether they are of a licence, like neighbours joined."""
    finder = LicenceFinder()
    found: list[tuple[str, bool]] = []
    for index, chunk in enumerate(chunks):
        for piece in finder.push(chunk, is_last=index == len(chunks) - 1):
            if found and found[-1][1] == piece.is_licence:
                found[-1] = (found[-1][0] + piece.text, piece.is_licence)
            else:
                found.append((piece.text, piece.is_licence))
    return found


def book(*chunks: str) -> str:
    return "".join(text for text, is_licence in pieces(*chunks) if not is_licence)


def test_header_and_licence_are_told_from_the_book() -> None:
    found = pieces(HEADER + START + BOOK + END + LICENCE)
    assert found == [(HEADER + START, True), (BOOK, False), (END + LICENCE, True)]


@pytest.mark.parametrize(
    "start",
    [
        "*** START OF THE PROJECT GUTENBERG EBOOK A BOOK ***\n",
        "***START OF THE PROJECT GUTENBERG EBOOK A BOOK***\n",
        "*** START OF THE PROJECT GUTENBERG EBOOK A BOOK WITH A VERY\nLONG TITLE ***\n",
        "*** START OF THIS PROJECT GUTENBERG EBOOK, A BOOK\n",
        "*** ANFANG DIESES PROJEKT GUTENBERG ETEXTES ***\n",
        "*** DÉBUT DU PROJET GUTENBERG EBOOK ***\n",
        "*END*THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.04.29.93*END*\n",
    ],
)
def test_a_header_ends_with_a_line_of_several_wordings(start: str) -> None:
    assert book(HEADER + start + BOOK) == BOOK


@pytest.mark.parametrize(
    "end",
    [
        "*** END OF THE PROJECT GUTENBERG EBOOK A BOOK ***\n",
        "End of the Project Gutenberg EBook of A Book, by Nobody\n\n" + END,
        "Ende dieses Projekt Gutenberg Etextes\n\n\nEnd of Project Gutenberg's A Book\n\n" + END,
        "*** FIN DE CE PROJET GUTENBERG EBOOK ***\n",
        "*** ENDE DIESES PROJEKT GUTENBERG EBOOKS ***\n",
    ],
)
def test_a_licence_begins_with_a_line_of_several_wordings(end: str) -> None:
    assert book(HEADER + START + BOOK + end + LICENCE) == BOOK


def test_an_end_without_stars_is_believed_at_the_end_alone() -> None:
    end = "End of Project Gutenberg's A Book\n"
    assert book(BOOK + end + "\n\n") == BOOK
    assert book(BOOK + end + "Chapter II\n") == BOOK + end + "Chapter II\n"


def test_two_books_in_a_file_lose_both_their_licences() -> None:
    one = HEADER + START + BOOK + END + LICENCE
    assert book(one + one) == BOOK + BOOK


def test_what_a_person_wrote_before_and_behind_stays() -> None:
    text = "My notes\n\n" + HEADER + START + BOOK + END + LICENCE + "More notes\n"
    assert book(text) == "My notes\n\n" + BOOK + "More notes\n"


def test_behind_an_end_without_a_licence_the_line_alone_is_cut() -> None:
    assert book(BOOK + END + "Another story begins.\n") == BOOK + "Another story begins.\n"


def test_a_text_about_project_gutenberg_stays() -> None:
    text = "Project Gutenberg was begun in 1971.\nThe Project Gutenberg License is long.\n" * 50
    assert pieces(text) == [(text, False)]


def test_a_licence_that_never_ends_costs_its_first_line() -> None:
    story = "A story goes on.\n" * MAX_LICENCE_CHARS
    assert book(BOOK + END + story) == BOOK + story


def test_only_what_is_undecided_is_held_back() -> None:
    finder = LicenceFinder()
    line = "A line of the book, as any other.\n" * 100
    given_, yielded = 0, 0
    for _ in range(200):
        given_ += len(line)
        yielded += sum(len(piece.text) for piece in finder.push(line, is_last=False))
        assert given_ - yielded <= MAX_LICENCE_CHARS


LINES = (HEADER + START + BOOK + END + LICENCE + BOOK + HEADER + START + BOOK).splitlines(True)


@given(st.sets(st.integers(1, len(LINES) - 1)))
def test_where_a_text_is_divided_makes_no_difference(cuts: set[int]) -> None:
    places = [0, *sorted(cuts), len(LINES)]
    chunks = ["".join(LINES[begin:end]) for begin, end in pairwise(places)]
    assert pieces(*chunks) == pieces("".join(LINES))


@given(st.lists(st.sampled_from([*LINES, "\n", "text\n", "End of Project Gutenberg\n"])))
def test_no_character_is_lost_between_book_and_licence(lines: list[str]) -> None:
    assert "".join(text for text, _ in pieces(*lines, "")) == "".join(lines)
