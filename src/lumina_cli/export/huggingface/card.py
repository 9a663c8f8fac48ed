"""The model card, `README.md`: what a person who finds the model should know of it."""

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePath, PureWindowsPath
from typing import Any

from lumina_cli.core.checkpoint.model_file import ModelFile
from lumina_cli.core.model.memory_estimate import num_parameters
from lumina_cli.io.terminal_text import one_line

_HEAD = """---
library_name: transformers
pipeline_tag: text-generation
license: unknown
tags:
- lumina
- character-level
---

# {name}

A small chatbot of {parameters:,} parameters, trained from scratch with lumina {version}.
{learnt}
"""

_USE = """
## Use

```python
from transformers import pipeline

chat = pipeline("text-generation", model="FOLDER_OR_OWNER/NAME")
print(chat([{{"role": "user", "content": "Hello"}}])[0]["generated_text"][-1]["content"])
```

It reads {seq_length} ids at once, prompt and reply together; a longer text has to be cut before.
{tokens} Roles are `system`, `user` and `assistant`.

## Licence

Not stated yet. Put the licence of your model here and in the first lines of this file; that of the
text it learnt from may bind you.
"""


def model_card(file: ModelFile, *, name: str) -> str:
    """Return the model card: no path, no more of the text than the names of its files."""
    config, known = file.model.config, file.metadata
    head = _HEAD.format(
        name=_plain(name),
        parameters=num_parameters(config, vocab_size=file.tokenizer.vocab_size),
        version=_plain(known.get("lumina_version") or "of unknown version"),
        learnt="\n".join(_learnt(known)),
    )
    table = file.tokenizer.bpe_table()
    kind = "An id is a piece of text" if table.merges else "An id is a character"
    tokens = f"{kind}; what has no id is spelled in its UTF-8 bytes."
    quality = "\n".join(_quality(known))
    return head + quality + _USE.format(seq_length=config.seq_length, tokens=tokens)


def _learnt(known: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the model learnt from, the oldest first."""
    sources = [each.get("base_trained_on", []) for each in known.get("lineage", [])[:1]]
    sources += [each.get("trained_on", []) for each in known.get("lineage", [])]
    for names in sources or [known.get("trained_on", [])]:
        if names:
            yield f"It learnt from {', '.join(f'`{_file_name(name)}`' for name in names)}."
    if known.get("train_chars"):
        yield f"The text has {known['train_chars']:,} characters."


def _quality(known: Mapping[str, Any]) -> Iterator[str]:
    nats = known.get("val_nats_per_char")
    if nats is None:
        return
    what = "the replies of held-out conversations"
    if not known.get("of_replies", known.get("loss_on") == "bot" and known.get("conversations")):
        what = "held-out text"
    yield "\n## Quality\n"
    yield f"Loss on {what}: {nats:.4f} nats per character."
    if known.get("val_accuracy") is not None:
        yield f"Share of ids predicted right: {known['val_accuracy']:.1%}."


def _file_name(path: object) -> str:
    """Return the last part of a path of any system: where it lay is nobody else's business."""
    return _plain(PurePath(PureWindowsPath(str(path)).name).name) or "a text"


def _plain(text: object) -> str:
    """Return text that is one line and no markup."""
    return re.sub(r"[`<>\[\]|]", "", one_line(str(text)))
