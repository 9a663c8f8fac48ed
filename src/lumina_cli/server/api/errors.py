"""What is wrong with a request, as OpenAI's clients read it."""

from collections.abc import Mapping
from typing import Any

from lumina_cli.server.http.refusal import error_kind


class ApiError(Exception):
    """A request that gets an error for an answer.

    Args:
        message: what is wrong and what to do, for a person.
        status: of the answer.
        param: the field that is wrong.
        code: the kind of fault, for a program.
        headers: more headers of the answer.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.param = param
        self.code = code
        self.headers = dict(headers or {})

    def content(self) -> dict[str, Any]:
        """Return the error object."""
        kind = error_kind(self.status)
        error = {"message": self.message, "type": kind, "param": self.param, "code": self.code}
        return {"error": error}


def unsupported(name: str, why: str = "it has no effect here") -> ApiError:
    """Return the error for a field that would have no effect."""
    return ApiError(
        f"{name} is not supported: {why}; leave it out.", param=name, code="unsupported_parameter"
    )
