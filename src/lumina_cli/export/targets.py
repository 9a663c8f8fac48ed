"""Where a model can be exported to: a line for each target."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lumina_cli.export.compare import Comparison
from lumina_cli.export.gguf.file import export_gguf
from lumina_cli.export.huggingface.folder import export_huggingface
from lumina_cli.export.job import ExportJob
from lumina_cli.export.lumina.file import export_lumina
from lumina_cli.export.names import Dtype, TargetName
from lumina_cli.export.onnx.folder import export_onnx
from lumina_cli.export.web.export import export_web, export_web_folder


@dataclass(frozen=True, slots=True)
class Target:
    """A kind of export.

    Args:
        export: writes it, and returns how far it is from the model.
        ending: of its name, behind that of the model; it may name the data type.
        dtypes: that its weights can have; the first one is the usual one.
        checked_by: the package that reads it again.
    """

    export: Callable[[ExportJob, Path], Comparison | None]
    ending: str
    dtypes: tuple[Dtype, ...]
    checked_by: str


WEB_FOLDER = Target(export_web_folder, "-web", ("fp32", "fp16", "int8"), "onnxruntime")
"""The page of `web` as a folder."""

TARGETS: dict[TargetName, Target] = {
    "hf": Target(export_huggingface, "-hf", ("fp32", "fp16", "bf16"), "transformers"),
    "gguf": Target(export_gguf, ".gguf", ("fp16", "fp32", "q8_0"), "xllamacpp"),
    "onnx": Target(export_onnx, "-onnx", ("fp32", "fp16", "int8"), "onnxruntime"),
    "web": Target(export_web, ".html", ("fp32", "fp16", "int8"), "onnxruntime"),
    "lumina": Target(export_lumina, "-{dtype}.pth", ("fp16", "bf16", "int8", "fp32"), "lumina-cli"),
}
