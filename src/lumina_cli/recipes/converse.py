"""A model made ready to talk: loaded, with the sampler settings that hold for it."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from lumina_cli.chat.session import Session
from lumina_cli.core.checkpoint.format import ModelFile, load_model
from lumina_cli.core.config import ComputeConfig
from lumina_cli.core.device import choose_device
from lumina_cli.core.model.accounting import num_parameters
from lumina_cli.core.precision import choose_precision
from lumina_cli.core.sampling.beam import beam_search
from lumina_cli.core.sampling.config import SamplerName, SamplingConfig
from lumina_cli.core.sampling.ending import Piece
from lumina_cli.core.sampling.generate import generate
from lumina_cli.core.sampling.reader import Reader
from lumina_cli.core.seeding import make_generator, new_seed
from lumina_cli.errors import MissingInputError
from lumina_cli.settings import Settings, resolve_settings
from lumina_cli.tokenizer.ids import Special

CHAT_CONFIGS = (SamplingConfig, ComputeConfig)

_SAMPLERS_USING: dict[str, tuple[SamplerName, ...]] = {
    "temperature": ("nucleus", "top-k", "min-p"),
    "top_k": ("top-k",),
    "top_p": ("nucleus",),
    "min_p": ("min-p",),
    "repetition_penalty": ("nucleus", "top-k", "min-p", "greedy"),
    "num_beams": ("beam",),
    "length_penalty": ("beam",),
}
"""By setting; the seed is left out, for a command may be given one whatever it does."""


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What a person should know of the model they talk to; None where the file doesn't say."""

    path: Path
    num_parameters: int
    trained_on: str | None
    bits_per_char: float | None
    created: str | None


@dataclass(frozen=True, slots=True)
class ReadyModel:
    """A loaded model, how replies are drawn from it, and what there is to tell."""

    file: ModelFile
    card: ModelCard
    config: SamplingConfig
    notices: tuple[str, ...]

    def session(self) -> Session:
        """Begin a chat."""
        return Session(
            self.file.model,
            vocabulary=self.file.vocabulary,
            config=self.config,
            digest=self.file.digest,
        )


def open_model(
    path: Path,
    *,
    flags: Mapping[str, object],
    environ: Mapping[str, str],
    toml: Path | None = None,
) -> ReadyModel:
    """Load a model; its own sampler settings hold where nothing else was asked for.

    Raises:
        MissingInputError: there is no such model; the hint names those that are near.
        LuminaError: the file or a setting is wrong.
    """
    if not path.exists():
        raise _no_model(path)
    file = load_model(path)
    own = file.metadata.get("sampling")
    own = own if isinstance(own, dict) else {}
    base = {name: value for name, value in own.items() if name in SamplingConfig.model_fields}
    settings = resolve_settings(CHAT_CONFIGS, flags=flags, environ=environ, toml=toml, base=base)
    _move(file, settings.of(ComputeConfig))
    config = settings.of(SamplingConfig)
    notices = (*settings.notices, *_without_effect(config, settings))
    return ReadyModel(file, _card(path, file), config, notices)


@dataclass(frozen=True, slots=True)
class TextContinuer:
    """Continues plain text, each time anew.

    Attributes:
        ready: the model.
        prompt: text to continue, empty to begin one.
        num_texts: how many to make; in beam search the best ones, else as many draws.
    """

    ready: ReadyModel
    prompt: str
    num_texts: int

    @property
    def prompt_ids(self) -> list[int]:
        """What the model reads first."""
        return [Special.BEGIN, *self.ready.file.vocabulary.encode(self.prompt)]

    @property
    def is_prompt_cut(self) -> bool:
        """Whether the prompt is longer than what the model reads at once."""
        return len(self.prompt_ids) > self.ready.file.model.config.seq_length

    def texts(self) -> Iterator[Iterator[Piece]]:
        """Yield each text as the pieces it is said in."""
        if self.ready.config.sampler == "beam":
            yield from map(iter, self._likeliest())
            return
        seed = self.ready.config.seed
        seed = new_seed() if seed is None else seed
        reader = Reader(self.ready.file.model)
        for number in range(self.num_texts):
            yield generate(
                self.ready.file.model,
                self.prompt_ids,
                vocabulary=self.ready.file.vocabulary,
                config=self.ready.config,
                generator=make_generator(seed, f"text {number}"),
                reader=reader,
            )

    def _likeliest(self) -> list[tuple[Piece, ...]]:
        config = self.ready.config
        num_beams = max(config.num_beams, self.num_texts)
        found = beam_search(
            self.ready.file.model,
            self.prompt_ids,
            vocabulary=self.ready.file.vocabulary,
            config=config.model_copy(
                update={"num_beams": num_beams, "num_candidates": self.num_texts}
            ),
        )
        return [candidate.pieces for candidate in found]


def _no_model(path: Path) -> MissingInputError:
    others = sorted(other.name for other in path.parent.glob("*.pth")) if path.parent else []
    point = f"--model {path.parent / others[0]}" if others else "--model FILE"
    there = f" (there is: {', '.join(others[:5])})" if others else ""
    return MissingInputError(
        f"there is no model {path}{there}",
        hint=f"Point to one: {point}. Or train one in three minutes: lumina train --preset demo",
    )


def _move(file: ModelFile, compute: ComputeConfig) -> None:
    """Put the model where it computes; sampling is in fp32 unless bf16 was asked for."""
    if compute.threads is not None:
        torch.set_num_threads(compute.threads)
    device = choose_device(compute.device)
    precision = choose_precision(compute.precision, device=device)
    asked = compute.precision != "auto" and precision.name == "bf16"
    file.model.to(device=device, dtype=torch.bfloat16 if asked else torch.float32)


def _card(path: Path, file: ModelFile) -> ModelCard:
    known = file.metadata
    nats, trained_on = known.get("val_nats_per_char"), known.get("trained_on")
    created = known.get("created")
    return ModelCard(
        path=path,
        num_parameters=num_parameters(file.model.config, vocab_size=len(file.vocabulary)),
        trained_on=", ".join(map(str, trained_on)) if isinstance(trained_on, list) else None,
        bits_per_char=nats / math.log(2) if isinstance(nats, float) else None,
        created=created[:10] if isinstance(created, str) else None,
    )


def _without_effect(config: SamplingConfig, settings: Settings) -> Iterator[str]:
    """Yield a line for each setting that was asked for and that the sampler does not use."""
    for name, samplers in _SAMPLERS_USING.items():
        source = settings.sources.get(name, "the model file")
        if source != "the model file" and config.sampler not in samplers:
            yield (
                f"{name} has no effect with the {config.sampler} sampler (from {source}); "
                f"use: --sampler {samplers[0]}"
            )
