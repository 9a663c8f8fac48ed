"""What `info` and `doctor` tell a person, in groups; `--json` has it all for programs.

What a model file says of itself may come from anywhere: whatever is missing or odd is left out.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lumina_cli.cli.formatting import counted, format_count

Groups = Mapping[str, Mapping[str, str]]
MOST_NAMES = 5
INDENT = 15
"""Where facts begin in a line, or before."""


def model_groups(facts: Mapping[str, Any]) -> Groups:
    """Return what to tell of a model file: by heading, then by name."""
    shape, vocabulary, training = (_of(facts, name) for name in ("shape", "vocabulary", "training"))
    unit = "ids" if "pieces" in facts else "characters"
    return {
        "Model": {
            "size": f"{format_count(facts['parameters'])} parameters",
            "shape": f"{counted(shape['num_layers'], 'layer')}, {shape['hidden_size']} wide, "
            f"{counted(shape['num_heads'], 'head')}",
            "context": f"{shape.get('seq_length')} {unit}, {shape.get('position_encoding')} "
            "positions",
            "vocabulary": f"{vocabulary.get('ids')} ids, {vocabulary.get('characters')} of them "
            "characters",
        },
        "Training": {
            "learnt from": _learnt_from(training),
            "run": _run(training),
            "made": _made(training),
            "validation": _validation(training, has_pieces="pieces" in facts),
        },
        "File": {
            "sampler": _sampler(_of(training, "sampling")),
            "digest": str(facts.get("digest", "")),
        },
    }


def machine_groups(facts: Mapping[str, Any]) -> Groups:
    """Return what to tell of this machine: by heading, then by name."""
    versions = _of(facts, "versions")
    return {
        "What training would use": {
            "device": _text(facts, "device"),
            "precision": f"{facts['precision']} ({facts['precision_why']})",
            "threads": str(facts["threads"]),
        },
        "This machine": {
            "devices": ", ".join(map(str, facts["devices"])),
            "system": _text(facts, "system"),
            "Python": _text(facts, "python"),
            "cache": _text(facts, "cache"),
        },
        "Packages": {
            **{name: str(version or "not installed") for name, version in versions.items()},
            "missing": ", ".join(map(str, facts["missing"])) or "nothing",
        },
    }


def group_lines(groups: Groups) -> Iterator[str]:
    """Yield a heading for each group, and a line for each fact that there is."""
    width = max(len(name) for facts in groups.values() for name in facts)
    for number, (heading, facts) in enumerate(groups.items()):
        if number:
            yield ""
        yield heading
        yield from (f"  {name:<{width}}  {text}" for name, text in facts.items() if text.strip())


def _learnt_from(training: Mapping[str, Any]) -> str:
    names = _names(training.get("trained_on"))
    counts = [
        counted(number, noun)
        for key, noun in (("train_chars", "character"), ("conversations", "conversation"))
        if isinstance(number := training.get(key), int) and number
    ]
    return f"{names} ({', '.join(counts)})" if counts else names


def _names(value: object) -> str:
    if not isinstance(value, Sequence) or isinstance(value, str):
        return ""
    shown = ", ".join(map(str, value[:MOST_NAMES]))
    more = len(value) - MOST_NAMES
    return f"{shown} and {more} more" if more > 0 else shown


def _run(training: Mapping[str, Any]) -> str:
    parts = []
    if isinstance(steps := training.get("steps"), int):
        parts.append(counted(steps, "step"))
    if optimizer := _text(training, "optimizer"):
        parts.append(f"optimizer {optimizer}")
    if isinstance(seed := training.get("seed"), int):
        parts.append(f"seed {seed}")
    if _text(training, "loss_on") == "bot" and training.get("conversations"):
        parts.append("loss on what the bot says")
    return ", ".join(parts)


def _sampler(sampling: Mapping[str, Any]) -> str:
    rest = [f"{name} {value}" for name, value in sampling.items() if name != "sampler"]
    return ", ".join(filter(None, [_text(sampling, "sampler"), *rest]))


def _made(training: Mapping[str, Any]) -> str:
    when, version = _text(training, "created"), _text(training, "lumina_version")
    by = f"by lumina {version}" if version else ""
    return f"{when[:16].replace('T', ' ')} {by}".strip()


def _validation(training: Mapping[str, Any], *, has_pieces: bool) -> str:
    nats, accuracy = training.get("val_nats_per_char"), training.get("val_accuracy")
    if not isinstance(nats, float) or not math.isfinite(nats):
        return ""
    told = f"{nats:.4f} nats a character, {nats / math.log(2):.4f} bits"
    if isinstance(accuracy, float) and math.isfinite(accuracy):
        told += f", {accuracy:.1%} of the {'tokens' if has_pieces else 'characters'} right"
    return told


def _of(facts: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = facts.get(name)
    return value if isinstance(value, dict) else {}


def _text(facts: Mapping[str, Any], name: str) -> str:
    value = facts.get(name)
    return value if isinstance(value, str) else ""
