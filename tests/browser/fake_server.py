"""What an API says, as a test wants it: texts, a slow one, one that breaks off, an error."""

import asyncio
import json
import math
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

DIGEST = "d" * 64
DEADLINE_S = 30.0


@dataclass
class Reply:
    """What the API answers.

    Attributes:
        probs: of each character; of the last for those beyond.
        others: what else stands beside each character; bytes None is the end of the turn.
        dies: whether the connection breaks off after the text.
        waits: whether the text is followed by nothing until `go_on` or the client goes.
        status: of an answer that is an error instead.
        notices: what there is to tell of the request.
        places: in the queue, which are told one after the other; it waits there until `go_on`.
    """

    text: str = ""
    probs: tuple[float, ...] = (0.95,)
    others: tuple[tuple[str | None, float], ...] = (("a", 0.5), ("é", 0.03), (None, 0.01))
    finish: str = "stop"
    dies: bool = False
    waits: bool = False
    status: int = 200
    message: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    notices: tuple[str, ...] = ()
    places: tuple[int, ...] = ()


@dataclass
class FakeApi:
    """The API's state, which a test sets and looks at."""

    replies: list[Reply] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    bodies: list[str] = field(default_factory=list)
    models: list[dict[str, Any]] = field(default_factory=list)
    key: str = ""
    num_disconnects: int = 0
    num_open: int = 0
    go_on: bool = False

    def reset(self) -> None:
        self.__init__(models=[model("Model")])  # type: ignore[misc]


def model(name: str, **lumina: Any) -> dict[str, Any]:
    """One entry of `GET /v1/models`."""
    facts = {"context_length": 256, "num_parameters": 1_234_567, "tokenizer": "characters"}
    return {
        "id": name,
        "object": "model",
        "lumina": {**facts, "digest": DIGEST, "conversations": True, **lumina},
    }


async def events(api: FakeApi, reply: Reply) -> AsyncIterator[bytes]:
    """Yield a reply character by character, as server-sent events."""
    is_whole = False
    api.num_open += 1
    try:
        for place in reply.places:
            yield b": place %d\n\n" % place
        while reply.places and not api.go_on:
            yield b": still there\n\n"
            await asyncio.sleep(0.01)
        for index, char in enumerate(reply.text):
            yield event({"content": char}, logprobs=entries(char, reply, index))
        while reply.waits and not api.go_on:
            yield b": still there\n\n"  # a comment; where nobody reads any more it fails
            await asyncio.sleep(0.01)
        if reply.dies:
            is_whole = True
            raise ConnectionError("as the test wants it")
        yield event({}, finish=reply.finish)
        more = {"choices": [], "usage": {}, "lumina": {"seed": 1, "notices": reply.notices}}
        yield f"data: {json.dumps(more)}\n\n".encode()
        yield b"data: [DONE]\n\n"
        is_whole = True
    finally:
        api.num_disconnects += not is_whole
        api.num_open -= 1


def event(delta: dict[str, str], *, logprobs: Any = None, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": logprobs, "finish_reason": finish}
    return f"data: {json.dumps({'choices': [choice]}, ensure_ascii=False)}\n\n".encode()


def entries(char: str, reply: Reply, index: int) -> dict[str, Any]:
    """A character beyond Latin-1 is spelled in bytes, each an entry of its own."""
    prob = reply.probs[min(index, len(reply.probs) - 1)]
    spelled = [[byte] for byte in char.encode()] if ord(char) > 255 else [list(char.encode())]
    content = [entry(char, bytes_, prob if n == 0 else 1.0) for n, bytes_ in enumerate(spelled)]
    others = [entry(c or "<|end|>", c and list(c.encode()), p) for c, p in reply.others]
    return {"content": [{**item, "top_logprobs": [content[0], *others]} for item in content]}


def entry(token: str, bytes_: Any, prob: float) -> dict[str, Any]:
    return {"token": token, "logprob": math.log(prob), "bytes": bytes_}


def wait_until(is_so: Any) -> None:
    """Wait for something that another thread does; fail after a deadline."""
    ends_s = time.monotonic() + DEADLINE_S
    while not is_so():
        assert time.monotonic() < ends_s, "it did not come to be"
        time.sleep(0.005)
