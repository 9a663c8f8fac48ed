"""What the plan of a run tells where it fine-tunes a model."""

from dataclasses import replace

from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.memory_estimate import num_parameters, num_trainable
from lumina_cli.core.model.peft_config import FULL_FINETUNING, PeftConfig
from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.data.batches import Replay
from lumina_cli.data.corpus.corpus import Corpus
from lumina_cli.recipes.finetune.base import Base, BaseLoss
from lumina_cli.recipes.finetune.new_characters import NewCharacters
from lumina_cli.recipes.finetune.replay import ReplayData
from lumina_cli.recipes.finetune.settings import USUAL_WIDTH
from lumina_cli.settings import BASE_PLACE, Settings


def length_notices(settings: Settings, corpus: Corpus) -> list[str]:
    """Tell of another window than the base had, and of a text shorter than one."""
    seq_length = settings.of(ModelConfig).seq_length
    chars = round(seq_length * corpus.tokenizer.chars_per_id)
    notices = []
    if settings.sources.get("seq_length", BASE_PLACE) != BASE_PLACE:
        notices.append(
            f"the model will see {chars:,} characters at once, whatever its base saw "
            f"(from {settings.sources['seq_length']})"
        )
    if len(corpus.train) <= seq_length:
        notices.append(
            f"the text is shorter than one window of {chars:,} characters: the rest is padding"
        )
    return notices


def finetune_plan_rows(
    settings: Settings,
    *,
    base: Base,
    new_characters: NewCharacters,
    replay_data: ReplayData,
    replay: Replay | None,
    peft: PeftConfig,
) -> dict[str, str]:
    """Return what the plan tells of this run alone, by name."""
    rows = {"base model": str(base.path), "new characters": str(new_characters)}
    if replay is not None:
        rows["old text"] = (
            f"{', '.join(replay_data.names)}: {replay.share:.0%} of each pass repeats it"
        )
    elif replay_data.validation:
        rows["old text"] = "none is repeated; what is forgotten is measured"
    else:
        rows["old text"] = "none: what is forgotten can't be measured (--replay PATH names some)"
    rows["before"] = _base_loss(base.loss)
    rows["learning rate"] = _rate(settings)
    if replace(peft, num_new=0, keeps_start=False) != FULL_FINETUNING:
        rows["learns"] = _learning(settings, peft, base_vocab_size=base.vocab_size)
    return rows


def _base_loss(loss: BaseLoss) -> str:
    parts = [
        f"{name} {nats:.4f} nats a character"
        for name, nats in (("new text", loss.new), ("old text", loss.replay))
        if nats is not None
    ]
    return ", ".join(parts) or "nothing to measure with"


def _rate(settings: Settings) -> str:
    config, width = settings.of(TrainingConfig), settings.of(ModelConfig).hidden_size
    rate = f"{config.learning_rate:.2g}"
    if config.optimizer == "muon":
        rate += f", {config.muon_learning_rate:.2g} in the layers (muon)"
    if settings.sources.get("learning_rate") == BASE_PLACE and width < USUAL_WIDTH:
        return f"{rate} (this model is {width} wide; 0.0001 is for {USUAL_WIDTH} and more)"
    return rate


def _learning(settings: Settings, peft: PeftConfig, *, base_vocab_size: int) -> str:
    config = settings.of(ModelConfig)
    vocab_size = base_vocab_size + peft.num_new
    trained = num_trainable(config, vocab_size=vocab_size, peft=peft)
    whole = num_parameters(config, vocab_size=vocab_size)
    parts = []
    if peft.lora_rank:
        parts.append(f"adapters of rank {peft.lora_rank}")
    elif peft.frozen_layers < config.num_layers:
        parts.append("the upper layers and the head")
    else:
        parts.append("the head")
    if peft.num_new:
        parts.append("rows of new characters")
    frozen = f"; {peft.frozen_layers} lower layers are frozen" if peft.frozen_layers else ""
    return (
        f"{' and '.join(parts)}: {trained:,} of {whole:,} numbers{frozen}; "
        "the embedding of old characters stays as it is"
    )
