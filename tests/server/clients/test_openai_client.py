"""The official Python client of OpenAI, unchanged."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.server.served import Served, served, tiny_model

MESSAGES = [{"role": "user", "content": "abc"}]
KEY = "k" * 32


@pytest.fixture(scope="module")
def openai() -> Any:
    """The client's package, loaded where it is needed: to load it takes a second."""
    return pytest.importorskip("openai", reason="the client is not installed")


@pytest.fixture(scope="module")
def client(openai: Any, server: Served) -> Iterator[Any]:
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0) as client:
        yield client


def test_chat(client: Any) -> None:
    answer = client.chat.completions.create(
        model="tiny", messages=MESSAGES, seed=3, max_completion_tokens=12, n=2
    )
    assert answer.object == "chat.completion"
    assert answer.model == "tiny"
    assert answer.system_fingerprint == "t" * 64
    assert [choice.index for choice in answer.choices] == [0, 1]
    assert all(choice.message.role == "assistant" for choice in answer.choices)
    assert answer.usage is not None
    assert answer.usage.completion_tokens <= 24
    assert answer.model_extra == {"lumina": {"seed": 3, "notices": []}}


def test_a_conversation_goes_on_with_the_messages_of_answers(client: Any) -> None:
    asked = {"model": "tiny", "seed": 3, "max_tokens": 5}
    said = client.chat.completions.create(messages=MESSAGES, **asked).choices[0].message
    for message in (said, said.model_dump()):
        turns = [*MESSAGES, message, *MESSAGES]
        answer = client.chat.completions.create(messages=turns, **asked)
        assert answer.choices[0].message.role == "assistant"


def test_a_streamed_chat_is_the_same(client: Any) -> None:
    whole = client.chat.completions.create(model="tiny", messages=MESSAGES, seed=3)
    stream = client.chat.completions.create(
        model="tiny",
        messages=MESSAGES,
        seed=3,
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    assert text == whole.choices[0].message.content
    assert chunks[-2].choices[0].finish_reason == whole.choices[0].finish_reason
    assert chunks[-1].usage == whole.usage


def test_the_clients_own_helper_for_streams_puts_the_answer_together(
    client: Any,
) -> None:
    asked = {"model": "tiny", "messages": MESSAGES, "seed": 4, "stop": [" ", ".", "a", "b"]}
    whole = client.chat.completions.create(**asked)
    with client.chat.completions.stream(**asked) as stream:
        final = stream.get_final_completion()
    assert final.choices[0].message.content == whole.choices[0].message.content


def test_logprobs(client: Any) -> None:
    answer = client.chat.completions.create(
        model="tiny", messages=MESSAGES, logprobs=True, top_logprobs=5, seed=1, max_tokens=8
    )
    logprobs = answer.choices[0].logprobs
    assert logprobs is not None
    assert logprobs.content
    assert "".join(entry.token for entry in logprobs.content) == answer.choices[0].message.content
    assert all(len(entry.top_logprobs) == 5 for entry in logprobs.content)


def test_completions(client: Any) -> None:
    answer = client.completions.create(model="tiny", prompt=["ab", "cd"], max_tokens=6, seed=1)
    stream = client.completions.create(
        model="tiny", prompt=["ab", "cd"], max_tokens=6, seed=1, stream=True
    )
    texts = ["", ""]
    for chunk in stream:
        for choice in chunk.choices:
            texts[choice.index] += choice.text
    assert texts == [choice.text for choice in answer.choices]


def test_models(client: Any) -> None:
    assert [model.id for model in client.models.list()] == ["tiny", "other"]
    assert client.models.retrieve("other").owned_by == "lumina"


def test_each_error_is_the_exception_that_programs_expect(openai: Any, client: Any) -> None:
    with pytest.raises(openai.BadRequestError) as bad:
        client.chat.completions.create(model="tiny", messages=MESSAGES, n=9)
    assert (bad.value.param, bad.value.code) == ("n", "invalid_value")
    with pytest.raises(openai.BadRequestError) as long:
        client.completions.create(model="tiny", prompt="a" * 500)
    assert long.value.code == "context_length_exceeded"
    with pytest.raises(openai.NotFoundError) as missing:
        client.chat.completions.create(model="gpt-9", messages=MESSAGES)
    assert missing.value.code == "model_not_found"


def test_a_full_queue_is_a_rate_limit_and_a_wrong_key_an_authentication_error(
    openai: Any,
) -> None:
    with served(tiny_model(is_talkative=True), key=KEY, max_streams=1, max_queue=0) as running:
        client = openai.OpenAI(base_url=f"{running.url}/v1", api_key=KEY, max_retries=0)
        endless = client.completions.create(
            model="tiny", prompt="a", max_tokens=1_000_000, stream=True
        )
        assert next(iter(endless)).choices[0].text == ""
        with pytest.raises(openai.RateLimitError):
            client.completions.create(model="tiny", prompt="a")
        endless.close()
        running.wait_until_idle()
        with pytest.raises(openai.AuthenticationError):
            client.with_options(api_key="wrong").models.list()
        client.close()
