"""The models that are served, by name; a file that was replaced is loaded anew."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lumina_cli.core.checkpoint.model_file import ModelFile
from lumina_cli.core.inference.backends.backend import Backend
from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.core.inference.engine import Engine
from lumina_cli.core.inference.sampling.utf8_mask import Utf8Mask
from lumina_cli.core.inference.speculative.policy import NUM_DRAFT_TOKENS
from lumina_cli.core.inference.speculative.speculator import Speculator
from lumina_cli.core.model.transformer import Transformer
from lumina_cli.errors import LuminaError, UsageError
from lumina_cli.io.folders.run_names import model_name
from lumina_cli.tokenizer.base import Tokenizer

logger = logging.getLogger("lumina.server")

Look = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""Takes a request as plain values and returns a view; raises LuminaError."""

FileState = tuple[int, int, int]
"""By which a replaced file is known: inode, size, time of the last change."""


@dataclass(frozen=True, eq=False)
class ServedModel:
    """A model ready to be asked.

    Args:
        name: by which requests name it.
        file: the model, with tokenizer, digest and metadata.
        reader: the model, or the backend that reads for it.
        sampling: how ids are chosen where a request does not say.
        num_parameters: of the model.
        has_conversations: whether it learnt to reply.
        created: when it was trained, in seconds since 1970; 0 where the file does not say.
        speculator: proposes draft tokens, where they can't change a text.
        file_state: of the file it was loaded from.
        look: answers what is asked of its inside, where that can be (see `server/api/look.py`).
    """

    name: str
    file: ModelFile = field(repr=False)
    reader: Transformer | Backend = field(repr=False)
    sampling: SamplingConfig
    num_parameters: int
    has_conversations: bool
    created: int = 0
    speculator: Speculator | None = field(default=None, repr=False)
    file_state: FileState = (0, 0, 0)
    look: Look | None = field(default=None, repr=False)
    utf8_mask: Utf8Mask = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "utf8_mask", Utf8Mask(self.file.tokenizer))

    @property
    def tokenizer(self) -> Tokenizer:
        return self.file.tokenizer

    @property
    def seq_length(self) -> int:
        return self.file.model.config.seq_length

    def new_engine(self) -> Engine:
        """Return an engine whose weights are packed: it would delay the first character."""
        engine = Engine(self.reader)
        row = engine.admit()
        for num_ids in {1, min(1 + NUM_DRAFT_TOKENS, self.seq_length)}:
            engine.forward([(row, [0] * num_ids)])
            engine.truncate(row, 0)
        engine.release(row)
        return engine


Load = Callable[[Path], ServedModel]


class ModelRegistry:
    """Models by name.

    Args:
        paths: of their files.
        load: loads one.
        on_replaced: called with a model that another has taken the place of.

    Raises:
        UsageError: two models have one name.
        LuminaError: a model can't be loaded.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        *,
        load: Load,
        on_replaced: Callable[[ServedModel], None] = lambda _: None,
    ) -> None:
        self._load = load
        self._on_replaced = on_replaced
        self._paths = {model_name(path): path for path in paths}
        if len(self._paths) < len(paths):
            _refuse_same_names(paths)
        self._models = {name: load(path) for name, path in self._paths.items()}

    @property
    def default(self) -> ServedModel:
        """The model of a request that names none."""
        return next(iter(self._models.values()))

    def find(self, name: str) -> ServedModel | None:
        """Return the model of this name."""
        return self._models.get(name)

    def all(self) -> list[ServedModel]:
        """Return all models, in the order they were named."""
        return list(self._models.values())

    def reload_replaced(self) -> None:
        """Load those models anew whose files were replaced; where that fails the old one stays."""
        for name, path in self._paths.items():
            try:
                self._reload(name, path)
            except (LuminaError, OSError) as error:
                logger.error("model %s stays as it is: %s", name, error)

    def _reload(self, name: str, path: Path) -> None:
        before = self._models[name]
        if file_state(path) != before.file_state:
            self._models[name] = self._load(path)
            self._on_replaced(before)
            logger.warning("model %s was loaded anew", name)


def file_state(path: Path) -> FileState:
    """Return by what a replaced file is known."""
    stat = path.stat()
    return stat.st_ino, stat.st_size, stat.st_mtime_ns


def _refuse_same_names(paths: Iterable[Path]) -> None:
    names = [model_name(path) for path in paths]
    twice = next(name for name in names if names.count(name) > 1)
    raise UsageError(
        f"two models are called {twice}, and requests name them so",
        hint="Rename one of the files.",
    )
