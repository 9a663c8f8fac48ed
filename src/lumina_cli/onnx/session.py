"""A model made ready for ONNX Runtime, in memory: no file, no message, nothing sent anywhere."""

import torch

from lumina_cli.core.model.transformer import Transformer
from lumina_cli.io.process_memory import give_back_freed_memory
from lumina_cli.onnx.backend import OnnxBackend
from lumina_cli.onnx.engine_graph import engine_graph
from lumina_cli.onnx.errors import CANT_RUN, onnx_failed
from lumina_cli.onnx.runtime import onnxruntime
from lumina_cli.onnx.weights import dequantize, quantize

NO_MESSAGES = 4


def onnx_backend(model: Transformer, *, is_int8: bool) -> OnnxBackend:
    """Return the backend that reads for a model on as many threads as torch uses.

    In int8 the model's matrices are rounded, in place: what torch computes is from the same
    weights.

    Raises:
        OnnxFailedError: ONNX Runtime can't run it.
    """
    assert not model.training, "sampling wants model.eval()"
    if is_int8:
        round_matrices(model)
    try:
        backend = _backend(model, is_int8=is_int8)
        backend.forward(0, [[0]], [0])  # an operation that is missing shows only now
    except Exception as error:  # its errors have no other base in common
        raise onnx_failed(CANT_RUN, error) from error
    give_back_freed_memory()
    return backend


def _backend(model: Transformer, *, is_int8: bool) -> OnnxBackend:
    """Return the backend; what the graph takes of the model as it lies is not copied."""
    state = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    graph = engine_graph(state, model.config, weights="int8" if is_int8 else "fp32")
    lent = {name: values for name, values in graph.tensors.items() if values is state.get(name)}
    options = _options()
    options.add_external_initializers(
        list(lent), [onnxruntime.OrtValue.ortvalue_from_numpy(values) for values in lent.values()]
    )
    session = onnxruntime.InferenceSession(
        graph.serialized(but=lent), options, providers=["CPUExecutionProvider"]
    )
    session._model_bytes = b""  # kept to begin anew with other providers, which there are none of
    return OnnxBackend(model, session, lent=lent, is_int8=is_int8)


@torch.no_grad()
def round_matrices(model: Transformer) -> None:
    """Round the matrices that are stored in int8 to the numbers they are stored as."""
    for name, weight in model.named_parameters():
        if weight.dim() == 2 and name != "wte.weight":
            weight.copy_(torch.from_numpy(dequantize(quantize(weight.detach().numpy()))))


def _options() -> onnxruntime.SessionOptions:
    onnxruntime.set_default_logger_severity(NO_MESSAGES)
    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = NO_MESSAGES
    options.intra_op_num_threads = torch.get_num_threads()
    options.inter_op_num_threads = 1
    # An arena would keep what is freed once the weights are packed.
    options.add_session_config_entry("session.use_device_allocator_for_initializers", "1")
    return options
