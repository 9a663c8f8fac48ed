"""The GGUF file, written and checked."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.rope import THETA
from lumina_cli.export.compare import Comparison
from lumina_cli.export.gguf.check import compare_gguf
from lumina_cli.export.gguf.tokenizer import gguf_vocabulary
from lumina_cli.export.gguf.weights import POSITIONS, architecture, gguf_weights
from lumina_cli.export.job import ExportJob
from lumina_cli.export.libraries import needed
from lumina_cli.export.names import Dtype
from lumina_cli.export.place import check_readable_by_libraries, export_file
from lumina_cli.export.tags import chat_template
from lumina_cli.io.regular_file import open_regular
from lumina_cli.tokenizer.base import Tokenizer
from lumina_cli.tokenizer.special_ids import Special

DIGEST = "lumina.model_digest"
"""Names the model, and is the sign of a file that this program wrote."""

_SIGN_BYTES = 1_000
"""It stands among the first of them."""

_Q8_BLOCK = 32
"""Numbers that share a scale: a row has a whole number of such blocks, or is in fp16."""

_FILE_TYPES: dict[Dtype, str] = {"fp32": "ALL_F32", "fp16": "MOSTLY_F16", "q8_0": "MOSTLY_Q8_0"}


def export_gguf(job: ExportJob, path: Path) -> Comparison | None:
    """Write the file; return how far it is from the model, None where that can't be known.

    Raises:
        UsageError: the package gguf is not installed.
        ExportError: it is too far; then nothing is written.
        OutputError, StorageError: as `export_file` does.
    """
    gguf = needed("gguf")
    check_readable_by_libraries(path)
    with export_file(path, is_ours=is_gguf_of_ours) as staging:
        job.comparer.tell("writing the weights")
        writer = gguf.GGUFWriter(staging, architecture(job.file.model.config))
        writer.add_string(DIGEST, job.file.digest)
        writer.add_name(job.name)
        writer.add_file_type(int(getattr(gguf.LlamaFileType, _FILE_TYPES[job.dtype])))
        _add_shape(writer, job.file.model.config)
        _add_tokenizer(writer, job.file.tokenizer)
        _add_sampler(writer, job.file.metadata.get("sampling", {}))
        _add_weights(writer, job, gguf=gguf)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        return compare_gguf(staging, comparer=job.comparer, is_quantized=job.dtype == "q8_0")


def is_gguf_of_ours(path: Path) -> bool:
    """Whether a file is a GGUF that this program wrote."""
    with open_regular(path) as file:
        start = file.read(_SIGN_BYTES)
    return start.startswith(b"GGUF") and DIGEST.encode() in start


def _add_shape(writer: Any, config: ModelConfig) -> None:
    writer.add_context_length(config.seq_length)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.feedforward_size)
    writer.add_block_count(config.num_layers)
    writer.add_head_count(config.num_heads)
    writer.add_layer_norm_eps(1e-5)
    if config.position_encoding == "rotary":
        writer.add_rope_dimension_count(config.head_size)
        writer.add_rope_freq_base(THETA)
        writer.add_parallel_residual(False)


def _add_tokenizer(writer: Any, tokenizer: Tokenizer) -> None:
    """Write vocabulary and template; the template alone says what a text begins with."""
    vocabulary = gguf_vocabulary(tokenizer.bpe_table())
    writer.add_tokenizer_model(vocabulary.kind)
    writer.add_token_list(list(vocabulary.tokens))
    writer.add_token_types(list(map(int, vocabulary.types)))
    if vocabulary.merges:
        writer.add_token_merges(list(vocabulary.merges))
    writer.add_bos_token_id(int(Special.BEGIN))
    writer.add_eos_token_id(int(Special.END))
    writer.add_eot_token_id(int(Special.END))
    writer.add_pad_token_id(int(Special.PAD))
    writer.add_add_bos_token(False)
    writer.add_add_space_prefix(False)
    writer.add_chat_template(chat_template(vocabulary.tag_of))


def _add_sampler(writer: Any, sampling: dict[str, object]) -> None:
    """Write the sampler of the model; what llama.cpp would do besides is switched off."""
    fields = SamplingConfig.model_fields
    known = SamplingConfig.model_validate({k: v for k, v in sampling.items() if k in fields})
    is_greedy = known.sampler in ("greedy", "beam")
    writer.add_sampling_temp(0.0 if is_greedy else known.temperature)
    writer.add_sampling_top_k(known.top_k if known.sampler == "top-k" else 0)
    writer.add_sampling_top_p(known.top_p if known.sampler == "nucleus" else 1.0)
    writer.add_sampling_min_p(known.min_p if known.sampler == "min-p" else 0.0)


def _add_weights(writer: Any, job: ExportJob, *, gguf: Any) -> None:
    types = gguf.GGMLQuantizationType
    config = job.file.model.config
    for name, tensor in gguf_weights(job.file.model.state_dict(), config).items():
        numbers: npt.NDArray[Any] = tensor.contiguous().numpy()
        if job.dtype == "fp32" or numbers.ndim == 1 or name == POSITIONS:
            writer.add_tensor(name, numbers)
        elif job.dtype == "q8_0" and numbers.shape[-1] % _Q8_BLOCK == 0:
            rounded = gguf.quants.quantize(numbers, types.Q8_0)
            writer.add_tensor(name, rounded, raw_dtype=types.Q8_0)
        else:
            writer.add_tensor(name, numbers.astype(np.float16))
