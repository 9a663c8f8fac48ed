"""`lumina generate`: continue a plain text."""

import os
import sys
import time
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lumina_cli.cli.console import (
    never_fail_to_encode,
    notice,
    print_json,
    stdout_console,
    typed_text,
)
from lumina_cli.cli.options import (
    OWN_SAMPLER,
    ConfigPath,
    HelpAll,
    Json,
    ModelPath,
    Quiet,
    Verbose,
    with_settings,
)
from lumina_cli.cli.terminal.word_wrap import wrapped
from lumina_cli.core.config import ComputeConfig, EngineConfig
from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.errors import DataError, MissingInputError, UsageError
from lumina_cli.io.regular_file import read_whole
from lumina_cli.io.terminal_text import strip_controls
from lumina_cli.settings import CHAT_DEFAULTS

if TYPE_CHECKING:
    from lumina_cli.core.inference.speculative.speculator import Acceptance
    from lumina_cli.core.inference.stopping import GenerationChunk
    from lumina_cli.recipes.infer.text_generator import TextGenerator

MAX_PROMPT_BYTES = 16_000_000
MOST_SAMPLES = 10_000
"""Each takes memory before the first one is shown."""


@with_settings(
    SamplingConfig, ComputeConfig, EngineConfig, defaults={**CHAT_DEFAULTS, **OWN_SAMPLER}
)
def command(
    *,
    text: Annotated[
        str, typer.Argument(help="Text to continue; - reads stdin.", show_default=False)
    ] = "",
    model: ModelPath = Path("Model.pth"),
    prompt: Annotated[
        str, typer.Option("--prompt", help="The text, as an option.", show_default=False)
    ] = "",
    prompt_file: Annotated[
        Path | None,
        typer.Option(
            "--prompt-file",
            metavar="FILE",
            help="File with the text to continue; - reads stdin.",
            show_default=False,
            readable=False,
        ),
    ] = None,
    num_samples: Annotated[
        int,
        typer.Option(
            "--num-samples",
            "-n",
            min=1,
            max=MOST_SAMPLES,
            metavar="INTEGER",
            help="Number of texts to generate.",
        ),
    ] = 1,
    logprobs: Annotated[
        bool,
        typer.Option(
            "--logprobs", help="Print the log-probability of each character or piece (as JSON)."
        ),
    ] = False,
    config: ConfigPath = None,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
    help_all: HelpAll = False,
    **flags: object,
) -> None:
    """Continue a text."""
    never_fail_to_encode()
    start = _prompt([*filter(None, [text, prompt])], prompt_file)
    from lumina_cli.recipes.infer.loaded_model import open_model  # noqa: PLC0415  torch
    from lumina_cli.recipes.infer.text_generator import TextGenerator  # noqa: PLC0415

    ready = open_model(model, flags=flags, environ=os.environ, toml=config)
    generator = TextGenerator(ready, start, max(num_samples, ready.config.num_candidates))
    for line in (*ready.notices, *generator.notices()):
        notice(line)
    if json or logprobs:
        print_json(_as_json(generator, with_logprobs=logprobs))
    else:
        _stream(generator, quiet=quiet)
    for line in generator.last_notices():
        notice(line)


def _prompt(texts: list[str], path: Path | None) -> str:
    """Return the text to continue; the newline that ends a file or an `echo` is no part of it."""
    if len(texts) + (path is not None) > 1:
        raise UsageError(
            "TEXT, --prompt and --prompt-file can't be given together", hint="Use one of them."
        )
    prompt = "".join(texts)
    if path == Path("-") or prompt == "-":
        return typed_text(_from_stdin().removesuffix("\n"))
    return typed_text(prompt) if path is None else _read(path).removesuffix("\n")


def _from_stdin() -> str:
    text = sys.stdin.read(MAX_PROMPT_BYTES + 1) if sys.stdin else ""
    if len(text) > MAX_PROMPT_BYTES:
        raise DataError(f"stdin holds more than {MAX_PROMPT_BYTES:,} characters")
    return text


def _read(path: Path) -> str:
    try:
        text = read_whole(path, max_bytes=MAX_PROMPT_BYTES).decode("utf-8-sig")
        return text.replace("\r\n", "\n").replace("\r", "\n")
    except FileNotFoundError:
        raise MissingInputError(f"there is no file {path}") from None
    except OSError as error:
        raise MissingInputError(f"{path} can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path} is not UTF-8 (byte {error.start + 1})", hint="Save it as UTF-8."
        ) from error


def _stream(generator: "TextGenerator", *, quiet: bool) -> None:
    """Write each text as it is made; on a terminal, after the prompt and apart from others."""
    is_terminal = sys.stdout.isatty() and sys.stderr.isatty() and not quiet
    for number, chunks in enumerate(generator.texts(), start=1):
        if generator.num_texts > 1 and not quiet:
            notice(f"({number} of {generator.num_texts})")
        texts: Iterable[str] = (strip_controls(chunk.text) for chunk in chunks)
        if is_terminal:
            whole = chain([strip_controls(generator.prompt)], texts)
            texts = wrapped(whole, width=stdout_console().width)
        _write(texts)


def _write(texts: Iterable[str]) -> None:
    try:
        for text in texts:
            sys.stdout.write(text)
            sys.stdout.flush()
    finally:
        sys.stdout.write("\n")
        sys.stdout.flush()


def _as_json(generator: "TextGenerator", *, with_logprobs: bool) -> dict[str, object]:
    """Return the first text, all of them where there are several, and how fast they came."""
    started_s = time.perf_counter()
    samples = [_sample(list(chunks), with_logprobs=with_logprobs) for chunks in generator.texts()]
    seconds = time.perf_counter() - started_s
    characters = sum(len(str(sample["text"])) for sample in samples)
    return {
        **samples[0],
        "characters": characters,
        "seconds": round(seconds, 4),
        "chars_per_s": round(characters / seconds, 1),
        **_speculation(generator.acceptance, chars_per_id=generator.chars_per_id),
        **({"samples": samples} if len(samples) > 1 else {}),
    }


def _speculation(counts: "Acceptance", *, chars_per_id: float) -> dict[str, object]:
    """Return how much of the draft was accepted; `acceptance` is null where there was none."""
    rate, per_pass = counts.rate, counts.ids_per_pass
    return {
        "acceptance": None if rate is None else round(rate, 4),
        "characters_per_pass": None if per_pass is None else round(per_pass * chars_per_id, 3),
    }


def _sample(chunks: list["GenerationChunk"], *, with_logprobs: bool) -> dict[str, object]:
    sample: dict[str, object] = {"text": "".join(chunk.text for chunk in chunks)}
    if with_logprobs:
        sample["logprobs"] = [
            {"text": chunk.text, "id": chunk.id, "logprob": chunk.logprob} for chunk in chunks
        ]
    return sample
