"""Readers that go away, queues that are full, time that runs out, models that fail."""

import http.client
import json
import socket
import threading
from typing import Any

import numpy as np
import pytest

from lumina_cli.core.inference.sequence import SequenceState
from tests.server.live import PATIENCE_S, until, wait_for
from tests.server.served import Reply, Served, served, texts_of, tiny_model

ENDLESS = {"prompt": "a", "max_tokens": 1_000_000, "seed": 1}


def begin(running: Served, body: dict[str, Any]) -> socket.socket:
    """Send a request whose answer is not read yet."""
    raw = json.dumps(body).encode()
    sock = socket.create_connection(running.address, timeout=PATIENCE_S)
    head = f"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(raw)}\r\n\r\n"
    sock.sendall(head.encode() + raw)
    return sock


@pytest.mark.parametrize("is_stream", [False, True])
def test_a_reader_that_goes_away_frees_its_row(is_stream: bool) -> None:
    with served(tiny_model(is_talkative=True)) as running:
        sock = begin(running, {**ENDLESS, "stream": is_stream})
        wait_for(lambda: running.thread.num_running == 1)
        sock.close()
        running.wait_until_idle()


def test_a_reader_that_goes_away_leaves_the_queue() -> None:
    with served(tiny_model(is_talkative=True), max_streams=1) as running:
        first, second = begin(running, ENDLESS), begin(running, ENDLESS)
        wait_for(lambda: running.thread.num_waiting == 1)
        second.close()
        wait_for(lambda: running.thread.num_waiting == 0)
        assert running.thread.num_running == 1
        first.close()


def test_a_full_queue_is_told_with_when_to_come_again() -> None:
    with served(tiny_model(is_talkative=True), max_streams=2, max_queue=2) as running:
        socks = [begin(running, ENDLESS) for _ in range(3)]  # one client leaves a place to others
        wait_for(lambda: running.thread.num_running + running.thread.num_waiting == 3)
        for n in (1, 2):
            answer = running.send("/v1/completions", {**ENDLESS, "n": n})
            assert (answer.status, answer.error["code"]) == (429, "queue_full")
            assert int(answer.headers["retry-after"]) >= 1
        assert running.send("/health").status == 200
        for sock in socks:
            sock.close()
        running.wait_until_idle()
        assert running.send("/v1/completions", {"prompt": "a", "max_tokens": 2}).status == 200


def test_what_can_never_have_places_is_refused_for_good() -> None:
    with served(tiny_model(), max_streams=1, max_queue=0) as running:
        answer = running.send("/v1/completions", {"prompt": "a", "n": 3})
        assert (answer.status, answer.error["param"]) == (400, "n")


def test_a_text_is_cut_when_its_time_is_over_and_says_so() -> None:
    with served(tiny_model(is_talkative=True), request_timeout_s=0.5) as running:
        whole = running.send("/v1/completions", ENDLESS).json
        stream = running.send("/v1/completions", {**ENDLESS, "stream": True}).events
    assert whole["choices"][0]["finish_reason"] == "length"
    assert len(whole["choices"][0]["text"]) > 5
    assert whole["lumina"]["notices"][-1].startswith("The text was cut after 0.5 s")
    assert stream[-2]["choices"][0]["finish_reason"] == "length"
    assert stream[-1]["lumina"]["notices"][-1].startswith("The text was cut after 0.5 s")
    assert len(texts_of(stream)[0]) > 5


def test_who_waited_in_vain_is_told_to_come_again() -> None:
    with served(tiny_model(is_talkative=True), max_streams=1, request_timeout_s=0.5) as running:
        first = begin(running, ENDLESS)
        wait_for(lambda: running.thread.num_running == 1)
        # The first one's time ends before: its place is free again only then.
        second = running.send("/v1/completions", {**ENDLESS, "n": 2})
        first.close()
    assert second.status in (200, 503)


def test_stopping_the_server_lets_short_texts_end_and_cuts_long_ones() -> None:
    answers: list[Reply] = []
    with served(tiny_model(is_talkative=True), shutdown_grace_s=0.2) as running:

        def ask() -> None:
            answers.append(running.send("/v1/completions", ENDLESS))
            answers.append(Reply(0, {}, b""))

        asking = threading.Thread(target=ask)
        stream = begin(running, {**ENDLESS, "stream": True})
        asking.start()
        wait_for(lambda: running.thread.num_running == 2)
        running.server.stop()
        asking.join(PATIENCE_S)
        rest = until(stream, b"data: [DONE]\n\n\r\n0\r\n\r\n")
    assert answers[0].json["lumina"]["notices"] == [
        "The text was cut because the server was stopped."
    ]
    assert b"because the server was stopped" in rest


def test_a_text_whose_probabilities_are_no_numbers_is_an_error_and_the_rest_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    push = SequenceState.push

    def failing(self: SequenceState, logits: Any) -> Any:
        return push(self, logits * np.nan if self.last_id == TOKEN_B else logits)

    TOKEN_B = 265
    model = tiny_model()
    assert model.tokenizer.encode("b") == [TOKEN_B]
    monkeypatch.setattr(SequenceState, "push", failing)
    with served(model) as running:
        failed = running.send("/v1/completions", {"prompt": "ab"})
        stream = running.send("/v1/completions", {"prompt": "ab", "stream": True})
        other = running.send("/v1/completions", {"prompt": "a", "logit_bias": {"265": -100}})
    assert (failed.status, failed.error["code"]) == (500, "model_failed")
    assert "not numbers" in failed.error["message"]
    assert b"not numbers" in stream.body
    assert b"[DONE]" not in stream.body
    assert other.status == 200


def test_a_model_that_breaks_is_begun_anew(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with served(tiny_model()) as running:
        push = SequenceState.push
        monkeypatch.setattr(SequenceState, "push", lambda self, logits: 1 / 0)
        failed = running.send("/v1/completions", {"prompt": "ab"})
        monkeypatch.setattr(SequenceState, "push", push)
        again = running.send("/v1/completions", {"prompt": "ab"})
    assert (failed.status, again.status) == (500, 200)
    assert "ZeroDivisionError" in caplog.text


def test_a_model_that_was_replaced_answers_anew_and_the_texts_of_the_old_one_end() -> None:
    models = {"old": tiny_model("tiny", is_talkative=True), "new": tiny_model("tiny", seed=9)}
    with served(models["old"]) as running:
        body = {"prompt": "a", "temperature": 0, "max_tokens": 10}
        before = running.send("/v1/completions", body).json["choices"][0]["text"]
        connection = http.client.HTTPConnection(*running.address, timeout=PATIENCE_S)
        long = {**body, "max_tokens": 1_500}
        connection.request("POST", "/v1/completions", json.dumps(long))
        wait_for(lambda: running.thread.num_running == 1)
        running.thread.prepare(models["new"])
        running.models._models["tiny"] = models["new"]
        running.thread.forget(models["old"])
        after = running.send("/v1/completions", body).json["choices"][0]["text"]
        assert json.loads(connection.getresponse().read())["choices"][0]["text"].startswith(before)
        connection.close()
        assert after != before
        wait_for(lambda: models["old"] not in running.thread._lanes)
