"""Where words come from, as lines for a terminal."""

from collections.abc import Iterator

from rich.text import Text

from lumina_cli.cli.console import plain
from lumina_cli.cli.formatting import format_count
from lumina_cli.cli.views.look.canvas import Canvas, dim
from lumina_cli.io.terminal_text import one_line
from lumina_cli.look.source.view import Place, SourceView, Span


def source_lines(view: SourceView, canvas: Canvas) -> Iterator[Text]:
    """Yield the text with what was found of it, where, and what to compare it with."""
    yield plain(f"{view.speaker}: {canvas.visible(view.asked)}")
    if not view.is_known:
        yield plain(one_line(f"where from: {view.why_unknown}"))
        return
    where = one_line(f"{', '.join(view.names)}, {format_count(view.num_chars)} characters")
    if view.is_whole:
        yield plain(f"stands whole in the training text ({where})")
    else:
        yield plain(
            f"{view.share or 0:.0%} of it stands word for word in the training text ({where})"
        )
    for span in view.spans:
        yield from _span_lines(span, canvas)
    if not view.spans and view.min_chars < len(view.asked):
        yield plain(f"no {view.min_chars} characters in a row stand there")
    if view.baseline is None:
        yield dim("There is no text to compare with that it never saw.")
        return
    yield plain(
        f"of {view.baseline.num_texts} stretches as long of text that it never saw, "
        f"{view.baseline.whole_share:.0%} stand there whole, and "
        f"{view.baseline.share:.0%} of their characters"
    )


def _span_lines(span: Span, canvas: Canvas) -> Iterator[Text]:
    times = "once" if span.num_found == 1 else f"{span.num_found:,} times"
    yield plain(f"  {times}: {canvas.visible(span.text)}", style="bold")
    for place in span.places[:1]:
        yield _place_line(span, place, canvas)


def _place_line(span: Span, place: Place, canvas: Canvas) -> Text:
    """Return the span in its surroundings, as much of them as a line holds."""
    room = max(0, canvas.width - 10 - min(len(span.text), canvas.width // 2)) // 2
    middle = canvas.visible(span.text)
    if len(middle) > canvas.width // 2:
        half = canvas.width // 4
        middle = f"{middle[:half]}…{middle[-half + 1 :]}"
    line = Text("    …")
    line.append(plain(canvas.visible(place.before[len(place.before) - room :]), style="dim"))
    line.append(plain(f"[{middle}]"))
    line.append(plain(canvas.visible(place.after[:room]), style="dim"))
    line.append("…")
    return line
