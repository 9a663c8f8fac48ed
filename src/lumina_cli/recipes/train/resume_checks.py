"""What is not as it was when a run was left: its data, its machine, its folder."""

from collections.abc import Mapping

import torch

from lumina_cli.core.checkpoint.store import CheckpointStore
from lumina_cli.core.device import machine_facts
from lumina_cli.data.corpus.corpus import Corpus
from lumina_cli.errors import DataError, OutputError
from lumina_cli.recipes.train.resume import Resumed


def check_resumed(resumed: Resumed, corpus: Corpus, *, device: torch.device) -> list[str]:
    """Tell what is not as it was when the run was left.

    Raises:
        DataError: the data is other data.
    """
    if (
        resumed.metadata.get("corpus") != corpus.key
        or resumed.found.checkpoint.tokenizer != corpus.tokenizer
    ):
        raise DataError(
            f"the data is not what {resumed.found.path} was trained on",
            hint="Bring back the same files and data settings, or begin anew without --resume.",
        )
    return differences(machine_facts(device), then=resumed.metadata.get("machine", {}))


def check_unchanged(resumed: Resumed) -> None:
    """Make sure, once the run is held, that it is still the one that was found.

    Raises:
        OutputError: in the meantime another command has gone on with it or begun a new one.
    """
    folder = resumed.found.path.parent
    if CheckpointStore(folder).state() != resumed.checkpoints:
        raise OutputError(
            f"another run has trained in {folder.parent} in the meantime",
            hint="Look at what it has done, then type the same command again.",
        )


def differences(now: Mapping[str, object], *, then: Mapping[str, object]) -> list[str]:
    """Tell what has another value now, by name."""
    return [
        f"{name} is {value} now and was {then[name]}: "
        "the run goes on, but not to the last bit as it would have"
        for name, value in now.items()
        if name in then and then[name] != value
    ]
