"""What a fine-tuned model is not to forget."""

from lumina_cli.core.model.transformer import Transformer
from lumina_cli.core.training.finetune_config import FinetuneConfig
from lumina_cli.core.training.state import START
from lumina_cli.core.training.validation.retention import RetentionLimit
from lumina_cli.errors import MissingInputError, UsageError
from lumina_cli.recipes.finetune.base import Base
from lumina_cli.recipes.finetune.replay import ReplayData
from lumina_cli.recipes.finetune.settings import most_forgetting
from lumina_cli.recipes.train.resume import Resumed
from lumina_cli.settings import Settings


def retention_limit(
    settings: Settings,
    model: Transformer,
    *,
    base: Base,
    replay_data: ReplayData,
    replays: bool,
    resumed: Resumed | None,
) -> RetentionLimit:
    """Return what is not to be forgotten, and how far the model may forget it.

    Args:
        settings: of the command.
        model: as it begins, with its new rows.
        base: the model it comes from.
        replay_data: what that has learnt from.
        replays: whether some of it is repeated.
        resumed: the run to go on with, which is held to where it began if it was so before.

    Raises:
        LuminaError: a run that is gone on with lacks what it needs for that.
    """
    most, base_loss = most_forgetting(settings, replays=replays), base.loss.replay
    if resumed is not None:
        keeps_start = any(name.startswith(START) for name in resumed.found.checkpoint.tensors)
        most = most_forgetting(settings, replays=True) if keeps_start else None
        if not keeps_start and settings.of(FinetuneConfig).max_forgetting is not None:
            raise UsageError(
                "this run did not keep the weights it began with, so it can't be pulled back",
                hint="Go on without max_forgetting, or begin anew with it.",
            )
    if most is None or base_loss is None:
        return RetentionLimit(replay_data.validation)
    if not replay_data.validation:
        raise MissingInputError(
            f"the old text that this run measures is gone: {' '.join(replay_data.notices)}",
            hint="Put it back, or begin anew without --resume.",
        )
    start = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    return RetentionLimit(replay_data.validation, start, max_loss=(1 + most) * base_loss)
