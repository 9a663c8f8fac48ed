"""A model made ready to talk: loaded, with the sampler settings that hold for it."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from lumina_cli.chat.session import Session
from lumina_cli.core.checkpoint.foreign import no_model
from lumina_cli.core.checkpoint.model_file import ModelFile, load_model
from lumina_cli.core.config import ComputeConfig, EngineConfig
from lumina_cli.core.device import choose_device
from lumina_cli.core.inference.config import SamplerName, SamplingConfig
from lumina_cli.core.inference.speculative.speculator import Speculator
from lumina_cli.core.inference.text_model import TextModel
from lumina_cli.core.model.memory_estimate import num_parameters
from lumina_cli.core.model.transformer import Transformer, to_bf16, use_kernels
from lumina_cli.core.precision import choose_precision
from lumina_cli.errors import UsageError
from lumina_cli.recipes.infer.engines import Reader, choose_reader
from lumina_cli.recipes.run.saving.metadata import is_of_replies
from lumina_cli.settings import CHAT_DEFAULTS, Settings, resolve_settings

CHAT_CONFIGS = (SamplingConfig, ComputeConfig, EngineConfig)

_SAMPLERS_USING: dict[str, tuple[SamplerName, ...]] = {
    "temperature": ("nucleus", "top-k", "min-p"),
    "top_k": ("top-k",),
    "top_p": ("nucleus",),
    "min_p": ("min-p",),
    "repetition_penalty": ("nucleus", "top-k", "min-p", "greedy"),
    "num_beams": ("beam",),
    "length_penalty": ("beam",),
    "speculate": ("nucleus", "top-k", "min-p", "greedy"),
}
"""By setting; the seed is left out, for a command may be given one whatever it does."""


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What a person should know of the model they talk to; None where the file doesn't say."""

    path: Path
    num_parameters: int
    trained_on: str | None
    bits_per_char: float | None
    is_of_replies: bool
    created: str | None


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A loaded model, how replies are drawn from it, and what there is to tell.

    Attributes:
        reader: the model, or the backend that reads for it.
    """

    file: ModelFile
    reader: Reader
    card: ModelCard
    config: SamplingConfig
    notices: tuple[str, ...]

    @property
    def is_exact(self) -> bool:
        """Whether logits depend on how they are computed by no more than rounding in fp32.

        In int8 or bf16 those of several ids at once differ by more from those of one alone.
        """
        if isinstance(self.reader, Transformer):
            return self.file.model.wte.weight.dtype == torch.float32
        return self.reader.chunk_size is None

    def session(self) -> Session:
        """Begin a chat."""
        return Session(self.text_model(), config=self.config, digest=self.file.digest)

    def text_model(self) -> TextModel:
        """Return the model ready to generate."""
        return TextModel(
            self.reader, tokenizer=self.file.tokenizer, speculator=self.new_speculator()
        )

    def new_speculator(self) -> Speculator | None:
        """Return what proposes draft tokens, where they can't change the text."""
        speculates = self.is_exact and self.config.speculate == "auto"
        return Speculator(self.file.draft) if speculates else None


def open_model(
    path: Path,
    *,
    flags: Mapping[str, object],
    environ: Mapping[str, str],
    toml: Path | None = None,
) -> LoadedModel:
    """Load a model; its own sampler settings hold where nothing else was asked for.

    Raises:
        MissingInputError: there is no such model; the hint names those that are near.
        LuminaError: the file or a setting is wrong.
    """
    if path.is_dir() or not path.exists():
        raise no_model(path)
    file = load_model(path)
    own = file.metadata.get("sampling")
    own = own if isinstance(own, dict) else {}
    kept = {name: value for name, value in own.items() if name in SamplingConfig.model_fields}
    base = {**CHAT_DEFAULTS, **kept}
    settings = resolve_settings(CHAT_CONFIGS, flags=flags, environ=environ, toml=toml, base=base)
    compute, config = settings.of(ComputeConfig), settings.of(SamplingConfig)
    _move(file, compute)
    reader, told = choose_reader(
        file.model, engine=settings.of(EngineConfig).engine, compute=compute
    )
    notices = (*settings.notices, *_unused_settings(config, settings), *told)
    return LoadedModel(file, reader, _card(path, file), config, notices)


def _move(file: ModelFile, compute: ComputeConfig) -> None:
    """Put the model where it computes; sampling is in fp32 unless bf16 or int8 was asked for."""
    if compute.threads is not None:
        torch.set_num_threads(compute.threads)
    use_kernels(compute.kernels)
    device = choose_device(compute.device)
    file.model.to(device=device, dtype=torch.float32)
    if compute.precision == "int8":
        return  # the engine rounds
    precision = choose_precision(compute.precision, device=device)
    if compute.precision == "fp16":
        raise UsageError(
            "precision fp16 is for training, not for chat or generate",
            hint="Use: --precision bf16, or leave it out for fp32",
        )
    if compute.precision != "auto" and precision.name == "bf16":
        to_bf16(file.model)


def _card(path: Path, file: ModelFile) -> ModelCard:
    known = file.metadata
    nats, trained_on = known.get("val_nats_per_char"), known.get("trained_on")
    created = known.get("created")
    return ModelCard(
        path=path,
        num_parameters=num_parameters(file.model.config, vocab_size=file.tokenizer.vocab_size),
        trained_on=", ".join(map(str, trained_on)) if isinstance(trained_on, list) else None,
        bits_per_char=nats / math.log(2) if isinstance(nats, float) else None,
        is_of_replies=is_of_replies(known),
        created=created[:10] if isinstance(created, str) else None,
    )


def _unused_settings(config: SamplingConfig, settings: Settings) -> Iterator[str]:
    """Yield a line for each setting that was asked for and that the sampler does not use."""
    for name, samplers in _SAMPLERS_USING.items():
        source = settings.sources.get(name, "the model file")
        if source != "the model file" and config.sampler not in samplers:
            yield (
                f"{name} has no effect with the {config.sampler} sampler (from {source}); "
                f"use: --sampler {samplers[0]}"
            )
