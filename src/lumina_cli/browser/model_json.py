"""What the JavaScript in `model/` must know of a model, and its weights."""

import base64
import json
from typing import Any

import torch

from lumina_cli.core.checkpoint.model_file import ModelFile
from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.core.model.memory_estimate import num_parameters
from lumina_cli.tokenizer.special_ids import Special

SETTINGS = {
    "sampler",
    "temperature",
    "top_k",
    "top_p",
    "min_p",
    "repetition_penalty",
    "max_chars",
}
"""Of the sampler: those that can be changed in the page."""


def model_facts(file: ModelFile, *, name: str) -> dict[str, Any]:
    """Return what a page must know of a model beside its weights."""
    config, table = file.model.config, file.tokenizer.bpe_table()
    return {
        "name": name,
        "parameters": num_parameters(config, vocab_size=file.tokenizer.vocab_size),
        "seqLength": config.seq_length,
        "hiddenSize": config.hidden_size,
        "numLayers": config.num_layers,
        "numHeads": config.num_heads,
        "headSize": config.head_size,
        "positionEncoding": config.position_encoding,
        "vocabSize": file.tokenizer.vocab_size,
        "texts": table.texts,
        "merges": table.merges,
        "splitPattern": table.split_pattern,
        "firstByte": table.byte_ids.start,
        "special": {special.name.lower(): int(special) for special in Special},
        "sampling": _sampling(file.metadata.get("sampling", {})),
    }


def living_model(file: ModelFile, *, name: str) -> dict[str, Any]:
    """Return a model whole: its facts, and its weights in fp16 as base64, little endian."""
    weights = file.model.state_dict()
    halves = torch.cat([weight.detach().flatten().half().cpu() for weight in weights.values()])
    return {
        **model_facts(file, name=name),
        "shapes": [[key, weight.numel()] for key, weight in weights.items()],
        "weights": base64.b64encode(halves.numpy().astype("<f2").tobytes()).decode(),
    }


def model_json(file: ModelFile, *, name: str) -> bytes:
    """Return the facts of a model as JSON."""
    return json.dumps(model_facts(file, name=name)).encode()


def _sampling(own: dict[str, object]) -> dict[str, object]:
    """Return the settings of the sampler; a page has no beam search."""
    known = {name: value for name, value in own.items() if name in SamplingConfig.model_fields}
    settings = SamplingConfig.model_validate(known).model_dump(mode="json", include=SETTINGS)
    if settings["sampler"] == "beam":
        settings["sampler"] = "greedy"
    return settings
