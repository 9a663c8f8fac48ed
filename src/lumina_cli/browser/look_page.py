"""The page of `lumina look` as one file, with answers that were written down or a living model."""

from collections.abc import Mapping
from typing import Any

from lumina_cli.browser.bundle import one_script, read_parts
from lumina_cli.browser.one_file import one_file


def look_page(
    text: Mapping[str, Any],
    *,
    facts: Mapping[str, Any],
    answers: Mapping[str, Any],
    model: Mapping[str, Any] | None = None,
) -> str:
    """Return the page.

    Args:
        text: what is looked at: `said` and `reply`, and `request`, the text as look takes it.
        facts: `name`, `isChatbot`, `lossOn` and `sampling` of the model.
        answers: by view, and under `places` by view and place in the text.
        model: as `living_model` tells it; without one the page shows what was written down.
    """
    parts = read_parts("look", "model", "parts", "views")
    told = {**text, "facts": facts, "answers": answers}
    return one_file(
        parts["look.html"],
        title=str(facts["name"]),
        style=parts["look.css"],
        script=one_script(parts, entry="file.js"),
        data={"look-data": told, **({"model-data": model} if model else {})},
    )
