"""What programs ask and what they are answered, byte by byte."""

import json

import pytest

pytest.importorskip("uvicorn", reason="the extra [serve] is not installed")

from lumina_cli.server.api.look import LookApi
from lumina_cli.server.api.routes import Api
from lumina_cli.server.app import make_app
from lumina_cli.server.config import ServeConfig
from lumina_cli.server.metrics import Metrics
from lumina_cli.server.page import page_routes
from lumina_cli.server.security.api_key import ApiKey
from tests.server.asgi import assert_key_guards
from tests.server.served import Served, served, texts_of, tiny_model

CHAT = {"messages": [{"role": "user", "content": "abc"}], "seed": 7}


def test_a_stream_says_what_the_whole_answer_says(server: Served) -> None:
    body = {**CHAT, "n": 2}
    whole = server.send("/v1/chat/completions", body).json
    events = server.send("/v1/chat/completions", {**body, "stream": True}).events
    texts = [choice["message"]["content"] for choice in whole["choices"]]
    assert list(texts_of(events).values()) == texts
    assert texts[0] != texts[1]
    finish = {
        choice["index"]: choice["finish_reason"]
        for event in events
        for choice in event["choices"]
        if choice["finish_reason"]
    }
    assert [finish[n] for n in range(2)] == [c["finish_reason"] for c in whole["choices"]]
    assert events[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert events[0]["lumina"] == whole["lumina"] == {"seed": 7, "notices": []}


def test_the_usage_comes_last_where_it_is_asked_for(server: Served) -> None:
    body = {**CHAT, "max_tokens": 5}
    whole = server.send("/v1/chat/completions", body).json
    asked = {**body, "stream": True, "stream_options": {"include_usage": True}}
    events = server.send("/v1/chat/completions", asked).events
    # <|begin|>, the user's three letters in their frame of two, the bot's role.
    assert whole["usage"]["prompt_tokens"] == 1 + 5 + 1
    assert events[-1]["usage"] == whole["usage"]
    assert events[-1]["choices"] == []
    assert whole["usage"]["completion_tokens"] <= 5


def test_a_seed_that_nobody_chose_is_told_and_gives_the_text_again(server: Served) -> None:
    body = {"prompt": "ab", "max_tokens": 20}
    first = server.send("/v1/completions", body).json
    again = server.send("/v1/completions", {**body, "seed": first["lumina"]["seed"]}).json
    assert again["choices"][0]["text"] == first["choices"][0]["text"]


def test_logprobs_are_those_of_the_text_and_its_likeliest_others(server: Served) -> None:
    body = {**CHAT, "logprobs": True, "top_logprobs": 3, "max_tokens": 24}
    for seed in range(4):
        choice = server.send("/v1/chat/completions", {**body, "seed": seed}).json["choices"][0]
        content = choice["logprobs"]["content"]
        spelled = bytes(byte for entry in content for byte in entry["bytes"])
        assert spelled.decode() == choice["message"]["content"]
        for entry in content:
            likely = [other["logprob"] for other in entry["top_logprobs"]]
            assert len(likely) == 3
            assert likely == sorted(likely, reverse=True)
            assert entry["logprob"] <= likely[0] + 1e-6


def test_the_events_of_a_stream_hold_whole_characters_and_their_bytes(server: Served) -> None:
    """A bias lets the model spell é, which has no id of its own."""
    bias = {"201": 60, "175": 60}  # the bytes C3 and A9 behind the six special ids
    body = {**CHAT, "logprobs": True, "logit_bias": bias, "max_tokens": 6, "stream": True}
    events = server.send("/v1/chat/completions", body).events
    assert texts_of(events)[0] == "ééé"
    parts = [
        (choice["delta"].get("content"), [e["bytes"] for e in choice["logprobs"]["content"]])
        for event in events
        for choice in event["choices"]
        if choice["logprobs"]
    ]
    for text, spelled in parts:
        assert bytes(byte for each in spelled for byte in each).decode() == text
    assert all(len(each) == 1 for _, spelled in parts for each in spelled)


def test_an_older_client_gets_logprobs_by_token(server: Served) -> None:
    body = {"prompt": ["a", "b"], "max_tokens": 4, "logprobs": 2, "seed": 1}
    choices = server.send("/v1/completions", body).json["choices"]
    assert [choice["index"] for choice in choices] == [0, 1]
    for choice in choices:
        logprobs = choice["logprobs"]
        num_tokens = len(logprobs["tokens"])
        assert len(logprobs["token_logprobs"]) == len(logprobs["top_logprobs"]) == num_tokens
        assert logprobs["text_offset"][0] == 0


def test_a_reply_that_has_begun_goes_on(server: Served) -> None:
    asked = {"messages": CHAT["messages"], "temperature": 0}
    text = server.send("/v1/chat/completions", asked).json["choices"][0]["message"]["content"]
    assert len(text) > 4
    begun = [*CHAT["messages"], {"role": "assistant", "content": text[:4]}]  # type: ignore[misc]
    body = {"messages": begun, "temperature": 0, "continue_final_message": True}
    rest = server.send("/v1/chat/completions", body).json["choices"][0]["message"]["content"]
    assert rest.startswith(text[4:])


def test_a_stop_text_ends_a_text_and_is_not_seen(server: Served) -> None:
    body = {"prompt": "a", "temperature": 0, "max_tokens": 20}
    text = server.send("/v1/completions", body).json["choices"][0]["text"]
    stop = text[3:5]
    choice = server.send("/v1/completions", {**body, "stop": stop}).json["choices"][0]
    assert choice["text"] == text[: text.index(stop)]
    assert choice["finish_reason"] == "stop"


def test_each_model_answers_by_its_name(server: Served) -> None:
    listed = server.send("/v1/models").json["data"]
    assert [model["id"] for model in listed] == ["tiny", "other"]
    assert listed[0]["lumina"] == {
        "context_length": 64,
        "num_parameters": 1_234,
        "tokenizer": "characters",
        "digest": "t" * 64,
        "conversations": True,
        "sampling": server.models.default.sampling.model_dump(mode="json"),
    }
    answers = {
        name: server.send("/v1/completions", {"prompt": "a", "model": name, "temperature": 0}).json
        for name in ("tiny", "other")
    }
    assert [answer["system_fingerprint"] for answer in answers.values()] == ["t" * 64, "o" * 64]
    assert server.send("/v1/models/other").json == listed[1]
    missing = server.send("/v1/completions", {"prompt": "a", "model": "third"})
    assert (missing.status, missing.error["code"]) == (404, "model_not_found")


@pytest.mark.parametrize(
    ("path", "body", "param", "code"),
    [
        ("chat", {**CHAT, "n": 5}, "n", "invalid_value"),
        ("chat", {**CHAT, "stop": ["a"] * 5}, "stop", "invalid_value"),
        ("chat", {**CHAT, "stop": ["a" * 65]}, "stop.0", "invalid_value"),
        ("chat", {**CHAT, "stop": ""}, "stop", "invalid_value"),
        ("chat", {**CHAT, "logprobs": True, "top_logprobs": 21}, "top_logprobs", "invalid_value"),
        ("chat", {**CHAT, "top_logprobs": 2}, "top_logprobs", "unsupported_parameter"),
        ("chat", {**CHAT, "temperature": 2.1}, "temperature", "invalid_value"),
        ("chat", {**CHAT, "temperature": 0.05}, "temperature", "invalid_value"),
        ("chat", {**CHAT, "temperature": "1"}, "temperature", "invalid_value"),
        ("chat", {**CHAT, "max_tokens": 0}, "max_tokens", "invalid_value"),
        ("chat", {**CHAT, "max_tokens": True}, "max_tokens", "invalid_value"),
        ("chat", {**CHAT, "seed": 2**63}, "seed", "invalid_value"),
        ("chat", {**CHAT, "logit_bias": {"9999": 1}}, "logit_bias", "invalid_value"),
        ("chat", {**CHAT, "top_p": 0.5, "top_k": 3}, "top_p", "unsupported_parameter"),
        ("chat", {**CHAT, "tools": [{}]}, "tools", "unsupported_parameter"),
        ("chat", {**CHAT, "frequency_penalty": 1}, "frequency_penalty", "unsupported_parameter"),
        ("chat", {**CHAT, "wished": None}, "wished", "unsupported_parameter"),
        ("chat", {**CHAT, "stream_options": {}}, "stream_options", "unsupported_parameter"),
        ("chat", {"messages": []}, "messages", "invalid_value"),
        ("chat", {}, "messages", "invalid_value"),
        ("chat", {"messages": [{"role": "tool", "content": ""}]}, "messages.0.role", None),
        ("chat", {**CHAT, "logit_bias": {"07": 1}}, "logit_bias.07", "invalid_value"),
        (
            "chat",
            {**CHAT, "stream": True, "stream_options": {"include_usage": True, "x": 1}},
            "stream_options.x",
            "unsupported_parameter",
        ),
        (
            "chat",
            {"messages": [{"role": "assistant", "content": "", "tool_calls": [{}]}]},
            "messages.0.tool_calls",
            "unsupported_parameter",
        ),
        (
            "chat",
            {"messages": [{"role": "user", "content": "a", "k" * 100_000: 1}]},
            "messages.0." + "k" * 245,
            "unsupported_parameter",
        ),
        ("chat", {**CHAT, "continue_final_message": True}, "continue_final_message", None),
        ("chat", {"messages": [{"role": "user", "content": "a" * 65}]}, "messages", None),
        ("", {"prompt": "a" * 65}, "prompt", "context_length_exceeded"),
        ("", {"prompt": [1, 2]}, "prompt", "invalid_value"),
        ("", {"prompt": ["a"] * 3, "n": 2}, "n", "invalid_value"),
        ("", {"prompt": "a", "best_of": 2}, "best_of", "unsupported_parameter"),
    ],
)
def test_what_can_not_be_meant_is_refused_with_the_name_of_the_field(
    server: Served, path: str, body: dict[str, object], param: str, code: str | None
) -> None:
    full = "/v1/chat/completions" if path == "chat" else "/v1/completions"
    answer = server.send(full, body)
    assert (answer.status, answer.error["param"]) == (400, param)
    assert code is None or answer.error["code"] == code
    assert answer.error["type"] == "invalid_request_error"
    assert len(answer.body) < 1_000


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b'{"messages": NaN}',
        b'{"prompt": "a", "temperature": NaN}',
        b'{"prompt": "a", "temperature": Infinity}',
        b'{"prompt": "a", "temperature": 1e999}',
        b'{"prompt": "\\ud800"}',
        b'{"prompt": "\xff"}',
        b'{"prompt": "\xed\xa0\x80"}',
        b'{"prompt": ' + b"[" * 100_000,
        b'{"a": ' * 50_000 + b"1" + b"}" * 50_000,
        b'{"prompt": "a", "seed": ' + b"9" * 10_000 + b"}",
    ],
    ids=lambda body: body[:30].decode("latin-1"),
)
def test_what_is_no_request_at_all_is_refused(server: Served, body: bytes) -> None:
    for path in ("/v1/chat/completions", "/v1/completions"):
        answer = server.send(path, body)
        assert answer.status == 400
        assert answer.error["message"]


@pytest.mark.parametrize(
    "fields",
    [
        {"presence_penalty": 0, "frequency_penalty": 0.0, "response_format": {"type": "text"}},
        {"tools": None, "store": False, "max_completion_tokens": 3, "top_k": -1, "min_p": 0},
    ],
)
def test_fields_that_ask_for_nothing_are_taken(server: Served, fields: dict[str, object]) -> None:
    answer = server.send("/v1/chat/completions", {**CHAT, **fields})
    assert (answer.status, answer.json["lumina"]["notices"]) == (200, [])


def test_a_message_of_an_answer_can_be_sent_back_as_it_came(server: Served) -> None:
    said = server.send("/v1/chat/completions", CHAT).json["choices"][0]["message"]
    nothing = {"tool_calls": [], "function_call": None, "annotations": [], "audio": None}
    turns = [*CHAT["messages"], {**said, **nothing}, *CHAT["messages"]]  # type: ignore[misc]
    answer = server.send("/v1/chat/completions", {"messages": turns, "truncate": True})
    assert answer.status == 200, answer.json


def test_that_a_name_in_messages_has_no_effect_is_told_once(server: Served) -> None:
    message = {"role": "user", "content": "abc", "name": "Eve"}
    answer = server.send("/v1/chat/completions", {"messages": [message, message]})
    assert answer.json["lumina"]["notices"] == ["messages: name has no effect here"]


def test_what_has_no_effect_is_told(server: Served) -> None:
    body = {**CHAT, "temperature": 0, "top_p": 0.5, "n": 2, "user": "someone"}
    notices = server.send("/v1/chat/completions", body).json["lumina"]["notices"]
    assert notices == [
        "user has no effect here",
        "top_p has no effect at temperature 0",
        "at temperature 0 all texts are the same",
    ]


def test_a_long_conversation_is_cut_as_in_a_chat_where_that_is_asked_for(server: Served) -> None:
    turns = [
        {"role": role, "content": text * 9} for text in "abcdef" for role in ("user", "assistant")
    ]
    body = {"messages": [*turns, {"role": "user", "content": "abc"}], "seed": 1}
    refused = server.send("/v1/chat/completions", body)
    assert refused.error["code"] == "context_length_exceeded"
    answer = server.send("/v1/chat/completions", {**body, "truncate": True}).json
    assert answer["usage"]["prompt_tokens"] <= 64
    assert "forgets the oldest turns" in answer["lumina"]["notices"][0]
    long = server.send("/v1/completions", {"prompt": "a" * 200, "truncate": True, "seed": 1}).json
    assert long["usage"]["prompt_tokens"] == 64
    assert "only the newest part is read" in long["lumina"]["notices"][0]


def test_that_a_text_outgrew_the_context_is_told(server: Served) -> None:
    body = {"prompt": "a" * 50, "max_tokens": 30, "logit_bias": {"5": -100}, "stream": True}
    events = server.send("/v1/completions", body).events
    assert "goes on from the later half" in events[-1]["lumina"]["notices"][0]


def test_what_leads_nowhere_is_an_error_of_the_same_form(server: Served) -> None:
    assert server.send("/v1/nothing").status == 404
    assert server.send("/v1/nothing").error["code"] == "not_found"
    answer = server.send("/v1/models", {"a": 1})
    assert (answer.status, sorted(answer.headers["allow"].split(", "))) == (405, ["GET", "HEAD"])
    assert answer.error["code"] == "method_not_allowed"


def test_the_counts_are_in_the_form_of_prometheus(server: Served) -> None:
    server.send("/v1/completions", {"prompt": "a", "max_tokens": 3})
    server.send("/wp-login.php?x=1")
    server.wait_until_idle()
    answer = server.send("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    samples = {}
    for line in answer.body.decode().splitlines():
        if not line.startswith("#"):
            name, value = line.rsplit(" ", 1)
            samples[name] = float(value)
    assert samples["lumina_texts_running"] == 0
    assert samples["lumina_generated_tokens_total"] > 0
    assert samples['lumina_requests_total{route="/v1/completions",status="200"}'] >= 1
    assert samples['lumina_requests_total{route="other",status="404"}'] >= 1
    count = samples["lumina_time_to_first_token_seconds_count"]
    assert samples['lumina_time_to_first_token_seconds_bucket{le="+Inf"}'] == count


def test_the_description_names_every_route(server: Served) -> None:
    description = server.send("/openapi.json").json
    for path in description["paths"]:
        assert server.send(path.replace("{model}", "tiny")).status in (200, 405)
    routes = Api(server.models, server.thread, config=ServeConfig(), metrics=Metrics()).routes()
    routes += LookApi(server.models, server.thread, config=ServeConfig()).routes()
    assert {route.path for route in routes} | {"/openapi.json"} == set(description["paths"])


def test_a_key_guards_all_but_health_and_the_page() -> None:
    key = "k" * 32
    with served(tiny_model(), key=key) as running:
        for path in ("/v1/models", "/metrics", "/openapi.json", "/v1/nothing"):
            assert running.send(path, headers={"Authorization": "Bearer wrong"}).status == 401
            assert running.send(path).status != 401
        running.headers = {}
        assert running.send("/health").json == {"status": "ok"}
        assert running.send("/").headers["content-type"].startswith("text/html")
        answer = running.send("/v1/completions", {"prompt": "a"})
        assert (answer.status, answer.error["code"]) == (401, "invalid_api_key")


def test_every_route_of_the_application_asks_for_the_key() -> None:
    key = "k" * 32
    with served(tiny_model(), key=key) as running:
        config = ServeConfig(port=0)
        app = make_app(running.models, running.thread, config=config, key=ApiKey(key))
        metrics = Metrics()
        routes = Api(running.models, running.thread, config=config, metrics=metrics).routes()
        page = page_routes()
        public = frozenset({"/health", *(route.path for route in page)})
        assert assert_key_guards(app, [*routes, *page], key=key, public_paths=public) > 30


def test_prompts_are_logged_only_where_that_is_asked_for(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", logger="lumina.server")
    body = {"prompt": "abc\x1b[2J", "max_tokens": 3}
    for log_prompts in (False, True):
        caplog.clear()
        with served(tiny_model(), log_prompts=log_prompts) as running:
            running.send("/v1/completions", json.dumps(body, ensure_ascii=True).encode())
            running.send("/v1/completions", b'{"prompt": "abc\x1b"}')
        assert ("abc" in caplog.text) == log_prompts
        assert "\x1b" not in caplog.text
