"""What the page must know of a model, as `model.json`."""

import json

from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.core.model.memory_estimate import num_parameters
from lumina_cli.export.job import ExportJob
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


def model_json(job: ExportJob) -> bytes:
    """Return what `model.json` holds."""
    file = job.file
    config, table = file.model.config, file.tokenizer.bpe_table()
    told = {
        "name": job.name,
        "parameters": num_parameters(config, vocab_size=file.tokenizer.vocab_size),
        "seqLength": config.seq_length,
        "numLayers": config.num_layers,
        "numHeads": config.num_heads,
        "headSize": config.head_size,
        "vocabSize": file.tokenizer.vocab_size,
        "texts": table.texts,
        "merges": table.merges,
        "splitPattern": table.split_pattern,
        "firstByte": table.byte_ids.start,
        "special": {special.name.lower(): int(special) for special in Special},
        "sampling": _sampling(file.metadata.get("sampling", {})),
    }
    return json.dumps(told).encode()


def _sampling(own: dict[str, object]) -> dict[str, object]:
    """Return the settings of the sampler; a page has no beam search."""
    known = {name: value for name, value in own.items() if name in SamplingConfig.model_fields}
    settings = SamplingConfig.model_validate(known).model_dump(mode="json", include=SETTINGS)
    if settings["sampler"] == "beam":
        settings["sampler"] = "greedy"
    return settings
