"""What else generates texts: each function returns a run, or None where it is not installed.

They are called in processes of their own (`measuring.Apart`).
"""

import json
import sys
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from measuring import nanogpt_model

from lumina_cli.core.model.config import ModelConfig

Run = Callable[[], object]
ON_GPU = torch.cuda.is_available()
DEVICE = torch.device("cuda" if ON_GPU else "cpu")
DTYPE = torch.bfloat16 if ON_GPU else torch.float32


def transformers_run(
    config: ModelConfig, prompt: list[int], *, vocab_size: int, num_chars: int, cache: str
) -> Run:
    """Return GPT-2 of the same shape, with a dynamic or a static cache."""
    from transformers import GPT2Config, GPT2LMHeadModel, logging  # noqa: PLC0415  optional

    logging.set_verbosity_error()
    shape = GPT2Config(
        vocab_size=vocab_size,
        n_positions=config.seq_length,
        n_embd=config.hidden_size,
        n_layer=config.num_layers,
        n_head=config.num_heads,
        bos_token_id=0,
        eos_token_id=0,
    )
    model = GPT2LMHeadModel(shape).eval().to(device=DEVICE, dtype=DTYPE)
    idx = torch.tensor([prompt], device=DEVICE)
    options: dict[str, Any] = {
        "max_new_tokens": num_chars,
        "min_new_tokens": num_chars,
        "do_sample": False,
        "pad_token_id": 0,
        "attention_mask": torch.ones_like(idx),
        "use_cache": True,
    }
    if cache == "static":
        options |= {"cache_implementation": "static", "disable_compile": not ON_GPU}
    return lambda: model.generate(idx, **options).cpu()


def nanogpt_run(
    path: Path, config: ModelConfig, prompt: list[int], *, vocab_size: int, num_chars: int
) -> Run:
    """Return `generate` of the nanoGPT in a folder, in its own model of the same shape."""
    model = nanogpt_model(path, config, vocab_size=vocab_size).eval()
    model = model.to(device=DEVICE, dtype=DTYPE)
    idx = torch.tensor([prompt], device=DEVICE)
    return lambda: model.generate(idx, num_chars, top_k=1).cpu()


def llama_cpp_run(
    path: Path, prompt: list[int], *, num_chars: int, batch_size: int, threads: int
) -> Run:
    """Return llama.cpp's server with a GGUF file, asked for some texts at once."""
    xllamacpp = import_module("xllamacpp")
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.n_gpu_layers, params.n_parallel, params.n_ctx = 0, batch_size, 0
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.verbosity = -1
    server = xllamacpp.Server(params)
    asked = {
        "prompt": prompt,
        "n_predict": num_chars,
        "temperature": 0,
        "ignore_eos": True,
        "cache_prompt": False,
    }
    data = json.dumps(asked).encode()
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    pool = ThreadPoolExecutor(batch_size)

    def one(_: int) -> None:
        headers = {"Content-Type": "application/json"}
        url = server.listening_address + "/completion"
        with opener.open(urllib.request.Request(url, data=data, headers=headers)) as answer:
            told = json.load(answer)
        assert told["tokens_predicted"] == num_chars, told["tokens_predicted"]

    return lambda: list(pool.map(one, range(batch_size)))


def is_installed(name: str) -> bool:
    """Whether a peer is there; what is missing is told."""
    try:
        import_module(name)
    except ImportError:
        print(f"{name} is not installed: pip install {name}", file=sys.stderr)
        return False
    return True
