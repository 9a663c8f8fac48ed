"""Refusals as OpenAI's clients read them."""

import json

import pytest

from lumina_cli.server.http.refusal import Refusal


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (403, "permission_error"),
        (429, "rate_limit_error"),
        (503, "server_error"),
    ],
)
def test_a_refusal_is_an_error_object(status: int, kind: str) -> None:
    refusal = Refusal(status, "Why.", "a_code", ((b"retry-after", b"1"),))
    body = refusal.body()
    assert json.loads(body) == {
        "error": {"message": "Why.", "type": kind, "param": None, "code": "a_code"}
    }
    headers = dict(refusal.all_headers(body))
    assert headers[b"content-length"] == str(len(body)).encode()
    assert headers[b"content-type"] == b"application/json"
    assert headers[b"cache-control"] == b"no-store"
    assert headers[b"retry-after"] == b"1"
