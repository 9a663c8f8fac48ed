"""A model file without what it tells of the text that the model learnt from."""

from dataclasses import replace

from lumina_cli.core.checkpoint.model_file import ModelFile

TELLS_OF_TEXT = ("trained_on", "train_chars", "conversations", "learnt_from", "lineage")
"""Names and paths of files, counts and fingerprints of their text."""


def without_training_text(file: ModelFile) -> ModelFile:
    """Return a model without its draft statistics and what its metadata tell of the text.

    What its loss was measured on is told all the same, in a word of its own.
    """
    of_replies = file.metadata.get("loss_on") == "bot" and bool(file.metadata.get("conversations"))
    metadata = {name: v for name, v in file.metadata.items() if name not in TELLS_OF_TEXT}
    return replace(file, metadata={**metadata, "of_replies": of_replies}, draft=None)
