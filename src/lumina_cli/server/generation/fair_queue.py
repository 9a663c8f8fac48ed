"""What waits, in turns: who asks for much does not keep those waiting who ask for little."""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

Item = TypeVar("Item")


class FairQueue(Generic[Item]):
    """Items by client: clients take turns, and each one's items come in their order."""

    def __init__(self) -> None:
        self._by_client: OrderedDict[str, deque[Item]] = OrderedDict()

    def __len__(self) -> int:
        return sum(map(len, self._by_client.values()))

    def push(self, client: str, item: Item) -> None:
        """Add an item behind all others of its client."""
        self._by_client.setdefault(client, deque()).append(item)

    def pop(self, *, may_go: Callable[[Item], bool]) -> Item | None:
        """Return the first item of the client whose turn it is; None where none may go.

        A client whose first item may not go keeps its turn.
        """
        for client, items in self._by_client.items():
            if may_go(items[0]):
                item = items.popleft()
                self._by_client.move_to_end(client)
                if not items:
                    del self._by_client[client]
                return item
        return None

    def places(self) -> Iterator[tuple[Item, int]]:
        """Yield each item and how many will have gone with it, if all may go: 1 for the next."""
        lengths = [len(items) for items in self._by_client.values()]
        for at, items in enumerate(self._by_client.values()):
            for index, item in enumerate(items):
                before = sum(min(length, index + 1) for length in lengths[:at])
                after = sum(min(length, index) for length in lengths[at + 1 :])
                yield item, before + after + index + 1

    def remove(self, item: Item) -> bool:
        """Take an item out; return whether it was there."""
        for client, items in self._by_client.items():
            if item in items:
                items.remove(item)
                if not items:
                    del self._by_client[client]
                return True
        return False
