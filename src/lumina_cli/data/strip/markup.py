"""Tags of HTML and XML inside of texts that are none: found where they are many, and balance.

`I <3 you`, `List<int>` and `a < b` are no tags. What stands in backticks, or beside the braces of
code, is written about and stays. When in doubt a text stays as it is.
"""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Literal, NamedTuple

from lumina_cli.data.readers.documents.markup import unescape

Kind = Literal["html", "xml"]

_TAG = re.compile(r"<(/?)([A-Za-z_][\w:.-]{0,60}+)([^<>]*+)>")
_ALL_TAGS = re.compile(rf"{_TAG.pattern}|<!--[^<>]*+(?<=--)>|<\?[^<>]*+>|<![A-Za-z\[][^<>]*+>")
_FEWEST_HTML, _FEWEST_XML = 4, 8
_MAX_DEPTH = 1000
_LEAST_TEXT = 0.25
"""What must be left of a text without its tags."""
_MOST_FLAWS = 0.02
"""Share of the tags of HTML that may lack their other half."""


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_VOID = _names("br hr img input link meta area base col embed source track wbr")
_OPTIONAL_END = _names("p li dt dd tr td th thead tbody tfoot option colgroup")
_PARAGRAPHS = _names("p blockquote h1 h2 h3 h4 h5 h6 hr pre table ul ol dl")
_LINES = _names("br div li dt dd tr section article header footer main center")
_PAGE = _names("html head body script style form input button textarea select link meta")
"""A message that holds these is a page that somebody asked for."""
_UNREAD = _names("script style")
_HTML = (
    _VOID | _OPTIONAL_END | _PARAGRAPHS | _LINES | _PAGE
    | _names("a abbr b big cite code del em font i ins kbd mark nav nobr q s samp small span")
    | _names("strike strong sub sup tt u var title caption figure figcaption aside label acronym")
)  # fmt: skip


class Markup(NamedTuple):
    """Tags of a text: their kind, how many, and the first."""

    kind: Kind
    num_tags: int
    first: re.Match[str]


def may_hold_markup(text: str) -> bool:
    """Say whether a text may hold tags that are worth a look; most do not."""
    return "<" in text and ("</" in text or "<br" in text or "<BR" in text)


def find_markup(text: str, *, is_part: bool = False, is_message: bool = False) -> Markup | None:
    """Return the tags of a text where it is clear that they are markup, else None.

    Args:
        text: that may hold tags.
        is_part: whether elements may have begun before it, and may end after it.
        is_message: whether it is said by somebody, who may have been asked for a page.
    """
    if not may_hold_markup(text) or "`<" in text or "```" in text:
        return None
    tags = [tag for tag in _TAG.finditer(text) if _is_tag(tag)]
    if not tags or (is_message and not _PAGE.isdisjoint(tag[2].lower() for tag in tags)):
        return None
    kind: Kind | None = None
    if all(tag[2].lower() in _HTML for tag in tags):
        kind = "html" if _is_html(tags, is_part=is_part) else None
    elif _is_xml(tags, is_part=is_part):
        kind = "xml"
    if kind is None:
        return None
    left = without_tags(text, kind=kind)
    if len(left.strip()) < _LEAST_TEXT * len(text) or "{" in left or "=>" in left:
        return None
    return Markup(kind, len(tags), tags[0])


def without_tags(text: str, *, kind: Kind) -> str:
    """Return a text without its tags and comments, its references as characters."""
    return unescape("".join(_kept(text, kind=kind)))


def _kept(text: str, *, kind: Kind) -> Iterator[str]:
    """Yield what stands between tags, and the line ends that stand for some."""
    at, unread, ending = 0, "", "\n"
    for tag in _ALL_TAGS.finditer(text):
        name = (tag[2] or "").lower()
        if unread and not (tag[1] and name == unread):
            continue
        if not unread and (between := text[at : tag.start()]):
            if kind == "xml" and between.isspace() and "\n" in between:  # lines of tags alone
                between = "" if ending.rstrip(" \t").endswith("\n") else "\n"
            yield between
            ending = between or ending
        unread = name if kind == "html" and name in _UNREAD and not tag[1] else ""
        at = tag.end()
        if kind == "html" and (gap := _gap(tag, name, ending=ending, text=text)):
            yield gap
            ending = ending[-2:] + gap
    if not unread:
        yield text[at:]


def _gap(tag: re.Match[str], name: str, *, ending: str, text: str) -> str:
    """Return the line ends that stand for a tag, less those that are there."""
    if name == "br":
        return "" if text[tag.end() : tag.end() + 1] == "\n" else "\n"
    wanted = 2 if name in _PARAGRAPHS else 1 if name in _LINES else 0
    there = len(ending) - len(ending.rstrip("\n"))
    if not tag[1] and not ending.strip("\n"):
        return ""
    ahead = text[tag.end() : tag.end() + 2]
    return "\n" * max(0, wanted - there - (len(ahead) - len(ahead.lstrip("\n"))))


def _is_tag(tag: re.Match[str]) -> bool:
    """Say whether what stands behind a name are attributes: `<b and c>` is no tag."""
    attributes = tag[3].strip(" \t\n/")
    return not attributes or (not tag[1] and tag[3][0].isspace() and "=" in attributes)


def _is_html(tags: list[re.Match[str]], *, is_part: bool) -> bool:
    breaks = sum(tag[2].lower() == "br" for tag in tags)
    opened = Counter(tag[2].lower() for tag in tags if not tag[1] and not tag[3].endswith("/"))
    closed = Counter(tag[2].lower() for tag in tags if tag[1])
    if len(tags) + breaks < _FEWEST_HTML or not (closed or breaks):
        return False
    flaws = sum(
        abs(opened[name] - closed[name])
        if name not in _OPTIONAL_END
        else max(0, closed[name] - opened[name])
        for name in (opened | closed).keys() - _VOID
    )
    return flaws <= (20 if is_part else 0) + _MOST_FLAWS * len(tags) and 2 * flaws < len(tags)


def _is_xml(tags: list[re.Match[str]], *, is_part: bool) -> bool:
    """Say whether each element ends inside of the one that it began in."""
    if len(tags) < _FEWEST_XML:
        return False
    open_: list[str] = []
    num_pairs = 0
    for tag in tags:
        if tag[1]:
            if open_ and open_[-1] == tag[2]:
                open_.pop()
                num_pairs += 1
            elif open_ or not is_part:
                return False
        elif not tag[3].endswith("/"):
            open_.append(tag[2])
            if len(open_) > _MAX_DEPTH:
                return False
    return num_pairs >= _FEWEST_XML // 4 and (is_part or not open_)
