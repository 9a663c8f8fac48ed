"""llama.cpp in a process of its own: it may end the process that it is in, and writes to stderr.

    python -m lumina_cli.export.gguf.llama_worker FILE

Each line of stdin is a request as JSON, and each line of stdout the answer to it:

    {"text": …}                     → {"ids": […]}
    {"ids": […], "positions": […]}  → {"logprobs": [[…], …]}, a row for each position
    (none yet)                      → {"num_ids": V}, once the file is read
"""

import json
import os
import secrets
import sys
import urllib.request
from importlib import import_module
from typing import Any


class Llama:
    """A model in llama.cpp.

    Args:
        path: of a GGUF file.
    """

    def __init__(self, path: str) -> None:
        xllamacpp = import_module("xllamacpp")
        params = xllamacpp.CommonParams()
        params.model.path = path
        params.n_gpu_layers, params.n_parallel, params.warmup = 0, 1, False
        params.n_ctx = 0  # as long as the model's
        self._key = secrets.token_hex(16)
        params.api_keys = [self._key]
        self._server = xllamacpp.Server(params)
        (model,) = self._post("/v1/models")["data"]
        self.num_ids = int(model["meta"]["n_vocab"])
        self._letter = self.encode("a")[0]

    def encode(self, text: str) -> list[int]:
        """Return the ids of a text, tags taken as text."""
        asked = {"content": text, "add_special": False, "parse_special": False}
        return list(self._post("/tokenize", asked)["tokens"])

    def logprobs(self, ids: list[int]) -> list[float]:
        """Return the log-probability of each id to come next."""
        asked = {
            "prompt": ids,
            "n_predict": 1,
            "n_probs": self.num_ids,
            "temperature": 1.0,
            "logit_bias": [[self._letter, 1_000.0]],  # without text, nothing is told
            "cache_prompt": True,
        }
        answer = self._post("/completion", asked)
        found = [0.0] * self.num_ids
        for each in answer["completion_probabilities"][0]["top_logprobs"]:
            found[each["id"]] = each["logprob"]
        return found

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the answer to a request: see the top of this module."""
        if "text" in request:
            return {"ids": self.encode(request["text"])}
        ids = request["ids"]
        return {"logprobs": [self.logprobs(ids[: last + 1]) for last in request["positions"]]}

    def _post(self, path: str, content: object = None) -> Any:
        """Ask the server that the library opens on this machine; nobody else has its key."""
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self._key}"}
        data = None if content is None else json.dumps(content).encode()
        request = urllib.request.Request(
            self._server.listening_address + path, data=data, headers=headers
        )
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as answer:
            return json.load(answer)


def main() -> None:
    """Answer requests until stdin ends."""
    with os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8") as answers:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in (sys.stdout, sys.stderr):  # the library writes to both
            os.dup2(nowhere, stream.fileno())
        llama = Llama(sys.argv[1])
        print(json.dumps({"num_ids": llama.num_ids}), file=answers, flush=True)
        for line in sys.stdin:
            print(json.dumps(llama.answer(json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()
