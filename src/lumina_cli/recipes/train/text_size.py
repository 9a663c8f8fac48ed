"""Whether there is enough text for a model."""

from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.memory_estimate import num_parameters
from lumina_cli.recipes.train.autosize import CANDIDATES, PARAMETERS_PER_CHAR

FAR_TOO_LARGE = 4.0
"""Times more parameters for each character than `--minutes` would choose, before it is told."""
FEW_CHARS = 20_000
"""Of a text that no model learns a language from; a book has half a million."""
LEAST_IN_MILLIONS = 100_000
"""Parameters: fewer are told one by one."""


def too_little_text(model: ModelConfig, *, num_chars: int, vocab_size: int) -> str:
    """Return what to say where a text is far too short for a model; nothing where it isn't."""
    size = num_parameters(model, vocab_size=vocab_size)
    if size <= FAR_TOO_LARGE * PARAMETERS_PER_CHAR * num_chars:
        return ""
    shown = f"{size / 1e6:.1f} M" if size >= LEAST_IN_MILLIONS else f"{size:,}"
    told = (
        f"{num_chars:,} characters are little text for {shown} parameters: the model will learn "
        "them by heart"
    )
    flags = _suiting(model, num_chars=num_chars, vocab_size=vocab_size)
    if flags:
        told += f". A model that suits the text: {flags}"
    if num_chars < FEW_CHARS:
        told += ". More text helps most: a book has about 500,000 characters"
    return told


def _suiting(model: ModelConfig, *, num_chars: int, vocab_size: int) -> str:
    """Return flags of the largest model that suits the text; nothing if that is no smaller."""
    chosen = ""
    for hidden_size, num_layers, num_heads in CANDIDATES:
        shape = {"hidden_size": hidden_size, "num_layers": num_layers, "num_heads": num_heads}
        candidate = ModelConfig.model_validate({**model.model_dump(), **shape})
        size = num_parameters(candidate, vocab_size=vocab_size)
        if size >= num_parameters(model, vocab_size=vocab_size):
            break
        if chosen and size > PARAMETERS_PER_CHAR * num_chars:
            break
        chosen = f"--hidden-size {hidden_size} --num-layers {num_layers} --nhead {num_heads}"
    return chosen
