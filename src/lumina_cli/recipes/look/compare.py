"""Two models, or two moments of one run, side by side."""

from lumina_cli.look.views import CompareView, Side
from lumina_cli.recipes.look.looker import Looker
from lumina_cli.recipes.look.request import WITH_REPLY, LookRequest

SAME = "Both show the same, to the last digit."


def compare(left: Looker, right: Looker, request: LookRequest) -> CompareView:
    """Return the same view of two models, each of its own reply where one is drawn."""
    sides = [_side(looker, request) for looker in (left, right)]
    is_identical = (sides[0].reply, sides[0].shown) == (sides[1].reply, sides[1].shown)
    return CompareView(sides[0], sides[1], is_identical, [SAME] if is_identical else [])


def _side(looker: Looker, request: LookRequest) -> Side:
    if request.view == "characters":
        return Side(looker.facts, "", looker.look(request))
    with_reply = looker.reading(request.model_copy(update={"view": "surprise"}))
    reply, speaker = with_reply.last_turn()
    reading = with_reply if request.view in WITH_REPLY else looker.reading(request)
    is_drawn = request.draw_reply and speaker == "bot"
    return Side(looker.facts, reply if is_drawn else "", looker.look_at(reading, request))
