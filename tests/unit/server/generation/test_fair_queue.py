"""Who asks for much does not keep those waiting who ask for little."""

from lumina_cli.server.generation.fair_queue import FairQueue


def anything(item: str) -> bool:
    return True


def drained(queue: FairQueue[str]) -> list[str]:
    items = []
    while (item := queue.pop(may_go=anything)) is not None:
        items.append(item)
    return items


def test_clients_take_turns_and_each_keeps_its_order() -> None:
    queue: FairQueue[str] = FairQueue()
    for item in ("a1", "a2", "a3", "a4", "b1", "b2", "c1"):
        queue.push(item[0], item)
    assert len(queue) == 7
    assert drained(queue) == ["a1", "b1", "c1", "a2", "b2", "a3", "a4"]
    assert len(queue) == 0


def test_a_client_whose_item_may_not_go_lets_others_pass_and_keeps_its_turn() -> None:
    queue: FairQueue[str] = FairQueue()
    for item in ("a1", "b1", "b2"):
        queue.push(item[0], item)
    assert queue.pop(may_go=lambda item: item != "a1") == "b1"
    assert queue.pop(may_go=lambda item: False) is None
    assert drained(queue) == ["a1", "b2"]


def test_an_item_can_be_taken_out_wherever_it_is() -> None:
    queue: FairQueue[str] = FairQueue()
    for item in ("a1", "a2", "b1"):
        queue.push(item[0], item)
    assert queue.remove("a2")
    assert queue.remove("b1")
    assert not queue.remove("b1")
    assert drained(queue) == ["a1"]


def test_the_place_of_an_item_is_when_it_goes_where_all_may_go() -> None:
    queue: FairQueue[str] = FairQueue()
    for item in ("a1", "a2", "a3", "b1", "b2", "c1", "d1", "d2", "d3"):
        queue.push(item[0], item)
    queue.pop(may_go=anything)  # the turns are no longer those of coming
    places = sorted((place, item) for item, place in queue.places())
    assert [place for place, _ in places] == list(range(1, 9))
    assert [item for _, item in places] == drained(queue)
