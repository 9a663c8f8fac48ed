"""The program `llm` with an OpenAI-compatible model."""

from pathlib import Path

import pytest

from tests.server.served import Served

MODELS = """\
- model_id: lumina
  model_name: tiny
  api_base: {url}/v1
"""


def test_llm_asks_streams_and_goes_on_with_a_conversation(
    server: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    llm = pytest.importorskip("llm", reason="llm is not installed")
    monkeypatch.setenv("LLM_USER_PATH", str(tmp_path))
    models = MODELS.format(url=server.url)
    (tmp_path / "extra-openai-models.yaml").write_text(models, encoding="utf-8")
    model = llm.get_model("lumina")
    body = {"messages": [{"role": "user", "content": "abc"}], "temperature": 0}
    expected = server.send("/v1/chat/completions", body).json["choices"][0]["message"]["content"]
    assert model.prompt("abc", stream=False, temperature=0).text() == expected
    assert "".join(model.prompt("abc", stream=True, temperature=0)) == expected
    conversation = model.conversation()
    first = conversation.prompt("abc", stream=False, temperature=0, max_tokens=5).text()
    turns = [*body["messages"], {"role": "assistant", "content": first}]
    asked = {"messages": [*turns, {"role": "user", "content": "d"}], "temperature": 0}
    expected = server.send("/v1/chat/completions", asked).json["choices"][0]["message"]["content"]
    assert conversation.prompt("d", stream=False, temperature=0).text() == expected
