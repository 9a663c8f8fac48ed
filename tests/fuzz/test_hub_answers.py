"""Answers of the hub: any bytes are an error of the hub, or a data set without parts."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumina_cli.data.hub import client
from lumina_cli.data.hub.watching.deadlines import Deadlines
from tests.recipes.data.hub_server import COMMIT, REPO, Hub, serving, use_hub

from .bounds import reads_or_refuses, seldom_fuzzed

KEYS = st.sampled_from(
    ["id", "sha", "siblings", "cardData", "tags", "lastModified", "createdAt", "gated", "private",
     "downloads", "license", "rfilename", "size", "lfs", "x"]
)  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just("\x9b2J"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=10,
)
BODIES = VALUES.map(json.dumps).map(str.encode) | st.binary(max_size=40)
STATUSES = st.sampled_from(["200 OK", "301 X", "401 X", "403 X", "404 X", "416 X", "500 \x9bX"])
HEADERS = st.lists(
    st.sampled_from(
        ["Content-Type: application/json", "Content-Type: text/html", "Content-Encoding: gzip",
         "Content-Encoding: br", "Transfer-Encoding: chunked", "Content-Length: 3",
         "Content-Length: many", "X-Error-Code: RepoNotFound", "X-Error-Code: GatedRepo",
         "X-Error-Message: \x9b31m", "X-HF-Warning: a; \x9b2J", "Location: file:///etc/passwd",
         "Location: http://[", "Location: /api", "Location: //", "Retry-After: 99999999", "bad"]
    ),
    max_size=4,
)  # fmt: skip
ANSWERS = st.builds(
    lambda status, headers, body: (
        "\r\n".join([f"HTTP/1.1 {status}", *headers, "", ""]).encode("latin-1") + body
    ),
    STATUSES,
    HEADERS,
    BODIES,
) | st.binary(max_size=60)


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    with serving({}) as hub:
        yield hub


@pytest.fixture
def _nothing_is_downloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = SimpleNamespace(config=SimpleNamespace(data_files={}), name="json")
    monkeypatch.setattr("datasets.load_dataset_builder", lambda *_, **__: nothing)


@pytest.mark.usefixtures("_nothing_is_downloaded")
@seldom_fuzzed
@given(ANSWERS)
def test_any_answer(hub: Hub, answer: bytes) -> None:
    hub.answer_everything(answer)
    config = client.HubConfig(endpoint=hub.endpoint)
    reads_or_refuses(lambda: list(client.load("some/thing", name="some/thing", config=config)))


IN_TURN = st.sampled_from(
    [f"GET /api/datasets/{REPO}/tree", f"GET /api/datasets/{REPO}/revision/{COMMIT}",
     f"HEAD /datasets/{REPO}/resolve/{COMMIT}/README", f"HEAD /datasets/{REPO}/resolve/{COMMIT}/t",
     f"GET /datasets/{REPO}/resolve/{COMMIT}/README", f"GET /datasets/{REPO}/resolve/{COMMIT}/t"]
)  # fmt: skip
CARDS = st.binary(max_size=60) | st.text(max_size=60).map(
    lambda text: f"---\nconfigs:\n- config_name: a\n  data_files: {text}\n---\n".encode()
)


@pytest.fixture
def sound_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with serving({"train.jsonl": b'{"text": "one"}\n'}) as hub:
        use_hub(hub, folder=tmp_path, monkeypatch=monkeypatch)
        yield hub


@seldom_fuzzed
@given(IN_TURN, ANSWERS, CARDS)
def test_any_answer_after_sound_ones(
    sound_hub: Hub, tmp_path: Path, spoilt: str, answer: bytes, card: bytes
) -> None:
    shutil.rmtree(tmp_path / "hub", ignore_errors=True)
    sound_hub.files["README.md"] = card
    sound_hub.spoilt = {spoilt: answer}
    config = client.HubConfig(endpoint=sound_hub.endpoint, deadlines=Deadlines(wait_s=0.0))
    reads_or_refuses(lambda: list(client.load(REPO, name=REPO, config=config)))
