"""A tiny model behind the whole server on loopback, and a client that reads what it says."""

import http.client
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import torch

pytest.importorskip("uvicorn", reason="the extra [serve] is not installed")

from lumina_cli.core.checkpoint.model_file import ModelFile
from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.core.inference.speculative.speculator import Speculator
from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.transformer import build_model
from lumina_cli.server.app import make_app
from lumina_cli.server.config import ServeConfig
from lumina_cli.server.generation.models import ModelRegistry, ServedModel
from lumina_cli.server.generation.thread import GenerationThread
from lumina_cli.server.http.serving import HttpServer
from lumina_cli.server.runs.routes import Runs
from lumina_cli.server.security.api_key import ApiKey
from lumina_cli.server.security.room_code import read_room_code
from lumina_cli.tokenizer.characters import CharacterTokenizer
from tests.server.live import PATIENCE_S, wait_for

TOKENIZER = CharacterTokenizer(" .abcdefgh")
DRAWN = SamplingConfig(sampler="nucleus", temperature=1.0, max_chars=24)


def tiny_model(
    name: str = "tiny",
    *,
    seq_length: int = 64,
    is_talkative: bool = False,
    sampling: SamplingConfig = DRAWN,
    seed: int = 3,
) -> ServedModel:
    """Return a model that says letters, now and then a byte; a talkative one never ends."""
    config = ModelConfig(
        hidden_size=16, num_layers=1, num_heads=2, seq_length=seq_length, position_encoding="rotary"
    )
    generator = torch.Generator().manual_seed(seed)
    model = build_model(config, vocab_size=TOKENIZER.vocab_size, generator=generator).eval()
    with torch.no_grad():
        model.lm_head.weight.normal_(std=0.6, generator=generator)
        model.ln_f.weight[0], model.ln_f.bias[0] = 0, 1  # a constant, by which bytes are rare
        model.lm_head.weight[:262, 0] = -3.5
        model.lm_head.weight[262:, 0] = 0
        model.lm_head.weight[5, 0] = -1e4 if is_talkative else -1.0
    return ServedModel(
        name=name,
        file=ModelFile(model, TOKENIZER, metadata={}, digest=name[0] * 64),
        reader=model,
        sampling=sampling,
        num_parameters=1_234,
        has_conversations=True,
        speculator=Speculator(),
    )


@dataclass
class Served:
    """A server that runs."""

    url: str
    models: ModelRegistry
    thread: GenerationThread
    server: HttpServer
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def address(self) -> tuple[str, int]:
        parts = urlsplit(self.url)
        assert parts.hostname is not None
        assert parts.port is not None
        return parts.hostname, parts.port

    def send(
        self,
        path: str,
        body: Mapping[str, Any] | bytes | None = None,
        *,
        method: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> "Reply":
        """Send a request and return the whole answer."""
        connection = http.client.HTTPConnection(*self.address, timeout=PATIENCE_S)
        raw = json.dumps(body).encode() if isinstance(body, Mapping) else body
        default = "GET" if body is None else "POST"
        try:
            connection.request(method or default, path, raw, {**self.headers, **(headers or {})})
            answer = connection.getresponse()
            return Reply(answer.status, dict(answer.getheaders()), answer.read())
        finally:
            connection.close()

    def wait_until_idle(self) -> None:
        """Return once no text waits or goes on."""
        wait_for(lambda: self.thread.num_running == 0 and self.thread.num_waiting == 0)


@dataclass(frozen=True)
class Reply:
    """An answer of the server."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        error: dict[str, Any] = self.json["error"]
        return error

    @property
    def events(self) -> list[Any]:
        """The events of a stream that ended as it should."""
        *events, last, rest = self.body.decode().split("\n\n")
        assert (last, rest) == ("data: [DONE]", "")
        return [json.loads(event.removeprefix("data: ")) for event in events]


@contextmanager
def served(
    *models: ServedModel, key: str | None = None, runs: Runs | None = None, **settings: Any
) -> Iterator[Served]:
    """Serve models until the test ends."""
    config = ServeConfig(**{"port": 0, "shutdown_grace_s": 0.0, **settings})
    by_path = {Path(f"{model.name}.pth"): model for model in models}
    thread = GenerationThread(
        max_streams=config.max_streams, max_queue=config.max_queue, tells_places=config.is_class
    )
    registry = ModelRegistry(list(by_path), load=by_path.__getitem__, on_replaced=thread.forget)
    for model in models:
        thread.prepare(model)
    started = threading.Event()
    address: list[str] = []

    def on_started(url: str) -> None:
        address.append(url)
        started.set()

    guard = ApiKey(key) if key else read_room_code(config, {})
    app = make_app(registry, thread, config=config, key=guard, runs=runs)
    server = HttpServer(app, config=config, on_started=on_started)
    runner = threading.Thread(target=server.run_until_stopped, daemon=True)
    thread.start()
    runner.start()
    assert started.wait(PATIENCE_S)
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        yield Served(address[0], registry, thread, server, headers)
    finally:
        server.stop()
        runner.join(PATIENCE_S)
        thread.stop()
    assert not runner.is_alive()


def texts_of(events: Sequence[Any]) -> dict[int, str]:
    """Return the text of each choice of a stream."""
    texts: dict[int, str] = {}
    for event in events:
        for choice in event["choices"]:
            part = choice["delta"].get("content", "") if "delta" in choice else choice["text"]
            texts[choice["index"]] = texts.get(choice["index"], "") + part
    return texts
