"""`lumina look --html`: the views of a text as a page, with the model in it where one wishes."""

from pathlib import Path
from typing import Any

from lumina_cli.browser.look_page import look_page
from lumina_cli.browser.model_json import living_model, model_facts
from lumina_cli.browser.signed import is_our_page, signed
from lumina_cli.core.model.memory_estimate import num_parameters
from lumina_cli.errors import UsageError
from lumina_cli.export.place import export_file
from lumina_cli.recipes.look.looker import Looker
from lumina_cli.recipes.look.request import LookRequest

MAX_LIVING_PARAMETERS = 50_000_000
"""Beyond that a browser takes a second for a character, and the page has over 130 MB."""

_VIEWS = ("surprise", "source", "layers", "characters")
_WITH_PLACE = ("matters", "heads")


def write_look_page(
    looker: Looker, request: LookRequest, path: Path, *, with_model: bool = False
) -> int:
    """Write the page; return its size in bytes.

    Args:
        looker: the model.
        request: of a text; its view does not matter.
        path: of the page; an unchanged one of ours is replaced.
        with_model: whether the model comes along, to be asked anew in the page.

    Raises:
        UsageError: the model is too large for a browser.
        OutputError, StorageError: as `export_file` does.
    """
    facts = looker.facts
    size = num_parameters(looker.model.config, vocab_size=facts.vocab_size)
    if with_model and size > MAX_LIVING_PARAMETERS:
        raise UsageError(
            f"the model has {size:,} parameters; a page takes {MAX_LIVING_PARAMETERS:,} at most",
            hint="Leave --with-model out: the views are in the page all the same.",
        )
    with export_file(path, is_ours=is_our_page, flag="--html") as staging:
        text = _text(looker, request)
        page = look_page(
            text,
            facts={
                "name": facts.name,
                "isChatbot": bool(text["request"].get("messages")),
                "lossOn": facts.loss_on,
                "sampling": model_facts(looker.loaded.file, name=facts.name)["sampling"],
            },
            answers=_answers(looker, text["request"], is_whole=not with_model),
            model=living_model(looker.loaded.file, name=facts.name) if with_model else None,
        )
        content = signed(page.encode())
        staging.write_bytes(content)
    return len(content)


def _text(looker: Looker, request: LookRequest) -> dict[str, Any]:
    """Return what is looked at, with a reply where one is drawn: in fields, and as a request."""
    if not request.messages:
        return {"said": request.text, "reply": "", "request": {"text": request.text}}
    reading = looker.reading(request.model_copy(update={"view": "surprise"}))
    reply, speaker = reading.last_turn()
    messages = [message.model_dump() for message in request.messages]
    if request.messages[-1].role != "bot" and speaker == "bot":
        messages.append({"role": "bot", "text": reply})
    own = "".join(message["text"] for message in messages if message["role"] == "bot")
    return {"said": messages[0]["text"], "reply": own, "request": {"messages": messages}}


def _answers(looker: Looker, content: dict[str, Any], *, is_whole: bool) -> dict[str, Any]:
    """Return all views of a text; of some also those of the places it was least sure of."""
    if not is_whole:
        return {"source": looker.answer({**content, "view": "source"})}
    before = {**content, "messages": content["messages"][:1]} if "messages" in content else content
    answers = {view: looker.answer({**content, "view": view}) for view in (*_VIEWS, *_WITH_PLACE)}
    answers["next"] = looker.answer({**before, "view": "next"})
    places = answers["surprise"]["least_sure"]
    left_out = answers["surprise"]["text"]["num_left_out"]
    answers["places"] = {
        view: {
            at + left_out: looker.answer({**content, "view": view, "at": at + left_out})
            for at in places
        }
        for view in _WITH_PLACE
    }
    return answers
