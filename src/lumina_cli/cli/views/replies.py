"""How replies reach stdout: as they come, a line each, or an object of JSON each."""

import json
import re
import sys
from collections.abc import Iterator
from typing import Literal

ReplyForm = Literal["text", "line", "json"]
"""As it is; on one line whatever is in it; or {"prompt": …, "reply": …}."""

_LINE_ENDS = re.compile("\r\n|[\n\v\f\r\x1c-\x1e\x85\u2028\u2029]")


class ReplyWriter:
    """Writes replies, and what stands for one where a line of a pipe has none.

    Args:
        form: of a reply.

    `has_joined_lines` says whether a reply had lines that stand in one now.
    """

    def __init__(self, form: ReplyForm) -> None:
        self._form = form
        self.has_joined_lines = False

    def write(self, texts: Iterator[str], *, prompt: str) -> None:
        """Write a reply as it comes; what was said until an exception stays said."""
        if self._form == "json":
            reply = None
            try:
                reply = "".join(texts)
            finally:
                self._write_object(reply, prompt=prompt)
            return
        last = ""
        try:
            for last in texts:
                sys.stdout.write(self._on_its_lines(last))
                sys.stdout.flush()
        finally:
            if self._form == "line" or not last.endswith("\n"):
                sys.stdout.write("\n")
            sys.stdout.flush()

    def write_nothing(self, *, prompt: str) -> None:
        """Write what stands for the reply to a line that says nothing."""
        if self._form == "line":
            sys.stdout.write("\n")
        elif self._form == "json":
            self._write_object(None, prompt=prompt)
        sys.stdout.flush()

    def _on_its_lines(self, text: str) -> str:
        if self._form == "text":
            return text
        joined = _LINE_ENDS.sub(" ", text)
        self.has_joined_lines = self.has_joined_lines or joined != text
        return joined

    def _write_object(self, reply: str | None, *, prompt: str) -> None:
        sys.stdout.write(json.dumps({"prompt": prompt, "reply": reply}) + "\n")
        sys.stdout.flush()
