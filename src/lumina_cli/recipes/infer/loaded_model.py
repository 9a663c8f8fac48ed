"""A model made ready to talk: loaded, with the sampler settings that hold for it."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from lumina_cli.chat.context import CUT, MOVED_ON
from lumina_cli.chat.session import Session
from lumina_cli.core.checkpoint.model_file import ModelFile, load_model
from lumina_cli.core.config import ComputeConfig
from lumina_cli.core.device import choose_device
from lumina_cli.core.inference.batch import batch_generate
from lumina_cli.core.inference.config import MAX_BEAMS, SamplerName, SamplingConfig
from lumina_cli.core.inference.scheduler import rows_at_once
from lumina_cli.core.inference.speculative import Acceptance, Speculator
from lumina_cli.core.inference.stopping import GenerationChunk
from lumina_cli.core.inference.text_model import TextModel
from lumina_cli.core.model.kernels.int8 import is_quantized, quantize
from lumina_cli.core.model.memory_estimate import num_parameters
from lumina_cli.core.model.transformer import to_bf16
from lumina_cli.core.precision import choose_precision
from lumina_cli.core.seeding import make_generator, new_seed
from lumina_cli.errors import MissingInputError, UsageError
from lumina_cli.recipes.run.metadata import is_of_replies
from lumina_cli.settings import Settings, resolve_settings
from lumina_cli.tokenizer.special_ids import Special

CHAT_CONFIGS = (SamplingConfig, ComputeConfig)

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
    """A loaded model, how replies are drawn from it, and what there is to tell."""

    file: ModelFile
    card: ModelCard
    config: SamplingConfig
    notices: tuple[str, ...]

    def session(self) -> Session:
        """Begin a chat."""
        return Session(self.text_model(), config=self.config, digest=self.file.digest)

    def text_model(self) -> TextModel:
        """Return the model ready to generate, with draft tokens where they can't change the text.

        With rounded weights or in bf16 the logits of several ids at once differ by more than
        rounding in fp32 from those of one alone.
        """
        model = self.file.model
        is_exact = model.wte.weight.dtype == torch.float32 and not is_quantized(model)
        speculates = is_exact and self.config.speculate == "auto"
        speculator = Speculator(self.file.draft) if speculates else None
        return TextModel(model, tokenizer=self.file.tokenizer, speculator=speculator)


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
        raise _no_model(path)
    file = load_model(path)
    own = file.metadata.get("sampling")
    own = own if isinstance(own, dict) else {}
    base = {name: value for name, value in own.items() if name in SamplingConfig.model_fields}
    settings = resolve_settings(CHAT_CONFIGS, flags=flags, environ=environ, toml=toml, base=base)
    _move(file, settings.of(ComputeConfig))
    config = settings.of(SamplingConfig)
    notices = (*settings.notices, *_without_effect(config, settings))
    return LoadedModel(file, _card(path, file), config, notices)


class TextGenerator:
    """Continues plain text, each time anew.

    Args:
        ready: the model.
        prompt: text to continue, empty to begin one.
        num_texts: how many to make; in beam search the best ones, else as many draws.

    Raises:
        UsageError: more texts than beam search can follow.
    """

    def __init__(self, ready: LoadedModel, prompt: str, num_texts: int) -> None:
        self.config = ready.config
        if self.config.sampler == "beam":
            if num_texts > MAX_BEAMS:
                raise UsageError(
                    f"beam search follows at most {MAX_BEAMS} texts, not {num_texts}",
                    hint="Ask for fewer, or draw them: --sampler nucleus",
                )
            num_beams = max(self.config.num_beams, num_texts)
            update = {"num_beams": num_beams, "num_candidates": num_texts}
            self.config = self.config.model_copy(update=update)
        self.prompt = prompt
        self.num_texts = num_texts
        self._text_model = ready.text_model()
        self._model = ready.file.model
        self._tokenizer = ready.file.tokenizer
        self._prompt_ids = [Special.BEGIN, *self._tokenizer.encode(prompt)]
        self._outgrows = False

    @property
    def acceptance(self) -> Acceptance:
        """How well characters were guessed in advance, so far."""
        return self._text_model.acceptance or Acceptance()

    @property
    def chars_per_id(self) -> float:
        """How many characters an id of usual text stands for."""
        return self._tokenizer.chars_per_id

    @property
    def _context_chars(self) -> int:
        return round(self._model.config.seq_length * self.chars_per_id)

    def notices(self) -> Iterator[str]:
        """Yield what there is to tell before the first text."""
        if len(self._prompt_ids) > self._model.config.seq_length:
            yield CUT.format(self._context_chars)
        if self.num_texts > 1 and self.config.is_greedy:
            yield "greedy makes the same text each time; use: --sampler nucleus"

    def last_notices(self) -> Iterator[str]:
        """Yield what there is to tell after the last text."""
        if self._outgrows:
            yield MOVED_ON.format(self._context_chars)

    def texts(self) -> Iterator[Iterator[GenerationChunk]]:
        """Yield each text as the pieces it is said in; of a search cut short the best so far.

        A single text comes as it is said; of several, those said side by side come together.
        """
        if self.config.sampler == "beam":
            yield from self._likeliest()
            return
        seed = new_seed() if self.config.seed is None else self.config.seed
        if self.num_texts == 1:
            yield self._text_model.stream(
                self._prompt_ids, config=self.config, generator=make_generator(seed, "text 0")
            )
            self._outgrows = self._text_model.num_slides > 0
            return
        size = rows_at_once(self._model.config)
        for start in range(0, self.num_texts, size):
            numbers = range(start, min(start + size, self.num_texts))
            yield from self._together([make_generator(seed, f"text {n}") for n in numbers])

    def _together(self, generators: list[torch.Generator]) -> Iterator[Iterator[GenerationChunk]]:
        texts = batch_generate(
            self._model,
            [self._prompt_ids] * len(generators),
            tokenizer=self._tokenizer,
            config=self.config,
            generators=generators,
        )
        size = self._model.config.seq_length
        for pieces in texts:
            # The last id is said, and not read any more.
            self._outgrows |= min(len(self._prompt_ids), size) + len(pieces) - 1 > size
            yield iter(pieces)

    def _likeliest(self) -> Iterator[Iterator[GenerationChunk]]:
        search = self._text_model.beam_search(self._prompt_ids, config=self.config)
        try:
            search.run()
        finally:
            for candidate in search.best():
                size = self._model.config.seq_length
                self._outgrows |= candidate.outgrows(self._prompt_ids, seq_length=size)
                yield iter(candidate.chunks)


def _no_model(path: Path) -> MissingInputError:
    folder = path if path.is_dir() else path.parent
    others = sorted(other.name for other in folder.glob("*.pth"))
    point = f"--model {folder / others[0]}" if others else "--model FILE"
    there = f" (there is: {', '.join(others[:5])})" if others else ""
    what = f"{path} is a folder" if path.is_dir() else f"there is no model {path}"
    return MissingInputError(
        what + there,
        hint=f"Point to one: {point}. Or train one in three minutes: lumina train --preset demo",
    )


def _move(file: ModelFile, compute: ComputeConfig) -> None:
    """Put the model where it computes; sampling is in fp32 unless bf16 or int8 was asked for."""
    if compute.threads is not None:
        torch.set_num_threads(compute.threads)
    device = choose_device(compute.device)
    if compute.precision == "int8":
        quantize(file.model.to(device))
        return
    precision = choose_precision(compute.precision, device=device)
    file.model.to(device=device, dtype=torch.float32)
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


def _without_effect(config: SamplingConfig, settings: Settings) -> Iterator[str]:
    """Yield a line for each setting that was asked for and that the sampler does not use."""
    for name, samplers in _SAMPLERS_USING.items():
        source = settings.sources.get(name, "the model file")
        if source != "the model file" and config.sampler not in samplers:
            yield (
                f"{name} has no effect with the {config.sampler} sampler (from {source}); "
                f"use: --sampler {samplers[0]}"
            )
