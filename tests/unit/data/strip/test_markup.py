import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumina_cli.data.strip.markup import find_markup, may_hold_markup, without_tags

PAGE = "<p>It was <b>very</b> late.</p>\n<p>She <i>went</i> home &amp; slept.</p>\n"
REVIEW = "A good film.<br /><br />I liked it."
ENTRIES = "".join(
    f'<entry id="{n}"><head_>word {n}</head_><sense>what it means</sense></entry>\n'
    for n in range(3)
)


@pytest.mark.parametrize("text", [PAGE, REVIEW, PAGE.upper()])
def test_tags_of_html_are_found(text: str) -> None:
    found = find_markup(text)
    assert found is not None
    assert found.kind == "html"


def test_tags_of_xml_are_found_and_counted() -> None:
    found = find_markup(ENTRIES)
    assert found is not None
    assert (found.kind, found.num_tags) == ("xml", 18)


@pytest.mark.parametrize(
    "text",
    [
        "I <3 you </3 and a < b > c",
        "List<int> a; Map<String, List<int>> b; Vec<P> c; Set<A> d; Set<B> e; Set<I> f;" * 3,
        "Write `<b>` and `</b>` around bold, `<i>` and `</i>` around slanted words.",
        "```\n" + PAGE + "```\n",
        "One <b>bold</b> word.",
        "<think>Hm, a sum of two.</think><answer>It is four, I am sure.</answer>",
        "<a><b><c><d>not closed <a><b><c><d>in order</c></d>",
        "const x = () => { return <div><b>hello</b><i>you</i></div> }",
        "<s> a b </s> " + "<unk> and the <unk> in a " * 20,
        "",
    ],
)
def test_what_is_no_markup_for_sure_is_left_alone(text: str) -> None:
    assert find_markup(text) is None


def test_a_page_that_somebody_asked_for_stays_in_a_message() -> None:
    page = f"<html><body>{PAGE}</body></html>"
    assert find_markup(page) is not None
    assert find_markup(page, is_message=True) is None


def test_a_part_of_a_text_may_begin_and_end_inside_of_elements() -> None:
    part = ENTRIES[ENTRIES.index("</head_>") : -len("</sense></entry>\n")] + ENTRIES
    part = part[: part.rindex("</sense>")]
    assert find_markup(part) is None
    assert find_markup(part, is_part=True) is not None


def test_html_becomes_the_lines_a_person_reads() -> None:
    expected = "It was very late.\n\nShe went home & slept.\n"
    assert without_tags(PAGE, kind="html").strip("\n") == expected.strip("\n")
    assert without_tags(REVIEW, kind="html") == "A good film.\n\nI liked it."
    text = "<script>a < b</script><!-- no --><ul><li>one</li><li>two</li></ul>"
    assert without_tags(text, kind="html").strip("\n") == "one\ntwo"


def test_xml_keeps_its_text_and_loses_the_lines_of_tags() -> None:
    text = "<?xml version='1.0'?>\n<a>\n<b>\nword &lt; words\n</b>\n</a>\n<!-- no -->"
    assert without_tags(text, kind="xml").strip("\n") == "word < words"


@given(st.text(alphabet='<>/abr= "\n-!?`&;', max_size=200))
def test_any_text_is_looked_at_without_fail(text: str) -> None:
    for is_part in (False, True):
        found = find_markup(text, is_part=is_part)
        assert found is None or may_hold_markup(text)
    without_tags(text, kind="html")
    without_tags(text, kind="xml")


@pytest.mark.parametrize(
    "text", ["<a " * 100_000, "<!--" * 100_000, "<" * 300_000 + "</", "<br" * 100_000]
)
def test_wicked_texts_take_no_time_by_the_square(text: str) -> None:
    assert find_markup(text + "</b>") is None
