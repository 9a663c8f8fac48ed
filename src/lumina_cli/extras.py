"""Packages that a part of lumina needs, and how to install them.

They are named themselves, not as an extra of lumina: lumina is in no package index, so that its
name there would install something else, or nothing.
"""

EXTRAS: dict[str, tuple[str, ...]] = {
    "chat": ("prompt_toolkit",),
    "tensorboard": ("tensorboard",),
    "serve": ("starlette", "uvicorn"),
    "fast": ("onnx", "onnxruntime"),
    "bpe": ("tokenizers",),
    "export": ("safetensors", "tokenizers", "onnx", "onnxruntime", "gguf"),
}
"""Names of packages by extra, as `pyproject.toml` has them."""


def install_command(extra: str) -> str:
    """Return what to type where a package of an extra is missing."""
    return f"pip install {' '.join(EXTRAS[extra])}"
