"""What is asked of every page that is one file."""

from pathlib import Path
from typing import Any

import torch

from lumina_cli.core.checkpoint.model_file import ModelFile


def rounded(file: ModelFile) -> ModelFile:
    """The weights as they stand in a page."""
    with torch.no_grad():
        for parameter in file.model.parameters():
            parameter.copy_(parameter.half().float())
    return file


class Opened:
    """A page in a profile of its own, offline; what it asks for and what fails in it is kept."""

    def __init__(self, browser: Any, path: Path, **profile: Any) -> None:
        self.context = browser.new_context(offline=True, **{"locale": "en-US", **profile})
        self.context.set_default_timeout(30_000)
        self.page = self.context.new_page()
        self.asked: list[str] = []
        self.failed: list[str] = []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("pageerror", lambda error: self.failed.append(str(error)))
        self.page.on("console", lambda message: self.failed.append(message.text))
        self._own = path.as_uri()
        self.page.goto(path.as_uri())

    def close(self) -> None:
        """Fail if it asked for anything but itself, or if anything failed."""
        self.context.close()
        assert [url for url in self.asked if not url.startswith((self._own, "data:"))] == []
        assert self.failed == []
