"""What a command changes in the sampler settings, and the short line that tells of it."""

from pydantic import ValidationError

from lumina_cli.chat.commands import SetNumber, UseSampler
from lumina_cli.core.inference.config import SamplerName, SamplingConfig

_SET_LINES = {
    "temperature": "🌡️ Temperature set to {}",
    "top_k": "🔢 Top-k set to {}",
    "top_p": "🎯 Top-p set to {}",
    "min_p": "📏 Min-p set to {}",
    "repetition_penalty": "🔁 Repetition penalty set to {}",
    "seed": "🎲 Seed set to {}",
    "num_beams": "🔦 Beam search with {} beams",
    "num_candidates": "🗂️ Replies shown each time: {}",
}
_SAMPLER_LINES: dict[SamplerName, str] = {
    "greedy": "🎯 Greedy: always the likeliest",
    "top-k": "🔢 Top-k sampling: from the {top_k} likeliest",
    "nucleus": "🎯 Nucleus sampling: from the likeliest that together reach {top_p:g}",
    "min-p": "📏 Min-p sampling: from those at least {min_p:g} as likely as the likeliest",
    "beam": "🔦 Beam search with {num_beams} beams",
}


def change(config: SamplingConfig, command: SetNumber | UseSampler) -> tuple[SamplingConfig, str]:
    """Return the settings after a command, and the line that answers it.

    A number that belongs to a sampler chooses that sampler too, so that it has an effect.
    Where settings contradict each other they stay, and the line says why.
    """
    if isinstance(command, UseSampler):
        update: dict[str, object] = {"sampler": command.sampler}
        line = _SAMPLER_LINES[command.sampler].format(**config.model_dump())
    else:
        update = {command.setting: command.value, "sampler": command.sampler or config.sampler}
        line = _SET_LINES[command.setting].format(command.value)
    try:
        changed = SamplingConfig.model_validate({**config.model_dump(), **update})
    except ValidationError as error:
        return config, f"Not changed: {error.errors()[0]['ctx']['error']}."
    if isinstance(command, SetNumber) and changed.sampler not in (config.sampler, "beam"):
        line += f"; the sampler is now {changed.sampler}"
    return changed, line + _without_effect(changed, command)


def _without_effect(config: SamplingConfig, command: SetNumber | UseSampler) -> str:
    """Say so where a change shows nothing as long as the rest stays as it is."""
    draws = config.sampler in ("top-k", "nucleus", "min-p")
    if isinstance(command, UseSampler):
        still_greedy = draws and config.temperature == 0
        return "; at temperature 0 it is still greedy (temp 0.8)" if still_greedy else ""
    if command.setting in ("temperature", "seed") and not draws:
        return f"; {config.sampler} does not use it (nucleus does)"
    if command.setting == "repetition_penalty" and config.sampler == "beam":
        return "; beam does not use it (nucleus does)"
    if command.setting == "num_candidates" and config.is_greedy and command.value > 1:
        return "; greedy has only one (nucleus draws several)"
    return ""
