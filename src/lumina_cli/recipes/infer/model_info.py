"""`lumina info`: what there is to know of a model file."""

from pathlib import Path

from lumina_cli.core.checkpoint.model_file import load_model
from lumina_cli.core.model.memory_estimate import num_parameters


def model_info(path: Path) -> dict[str, object]:
    """Return the facts of a model file as plain values."""
    loaded = load_model(path)
    vocab_size = loaded.tokenizer.vocab_size
    pieces = [left + right for left, right in loaded.tokenizer.bpe_table().merges]
    return {
        "model": str(path),
        "parameters": num_parameters(loaded.model.config, vocab_size=vocab_size),
        "shape": loaded.model.config.model_dump(mode="json"),
        "vocabulary": {"ids": vocab_size, "characters": len(loaded.tokenizer.character_ids)},
        **({"pieces": pieces} if pieces else {}),
        "draft_bytes": 0 if loaded.draft is None else loaded.draft.nbytes,
        "training": loaded.metadata,
        "digest": loaded.digest,
    }
