"""Makes the old files anew: `python make.py FOLDER`, with the code of commit 330299b.

It names modules and settings as that commit has them. Whoever renames them leaves this
script and the files as they are: that later code still reads them is what they are for.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from lumina_cli.core.checkpoint.format import ModelFile, load_model, save_model
from lumina_cli.core.checkpoint.sealed import read_sealed, write_sealed

from lumina_cli.core.checkpoint.store import CheckpointStore
from lumina_cli.settings import ALIASES, ALL_CONFIGS, resolve_settings, setting_names

COMMIT = "330299b"
WORK_NAME = "lumina-old-files"
"""The files are made in a folder of this name, and model files tell where their text lay."""

STOP_AT, LAST_STEP = 6, 10
PROMPT, ALONE = "The ", "the rain"
"""What `generate` continues, and what logits are kept of."""

FINETUNED = ("runs/lora/Model.pth", "runs/freeze/Model.pth")
MODELS = ("models/v1-sinusoidal.pth", "models/v1-rotary.pth", "models/v2-sinusoidal.pth")
MODELS += ("runs/muon/Model.pth", *FINETUNED)
RUNS = {"adamw": "train", "muon": "train", "lora": "finetune", "freeze": "finetune"}

TEXT = """\
The rain came over the hill and the river rose. The miller looked at the wheel and said:
the rain is good, the wheel will turn. The baker looked at the oven and said: the rain is
bad, the wood is wet. The child looked at the sky and said nothing, for the rain was warm.

In the evening the rain went over the hill again. The miller had flour, the baker had dry
wood from the miller, and the child had a boat of bark. The river took the boat, and the
child ran after it as far as the bridge. There the river was slow, and the boat waited.

The next day the sun was there. The wheel turned slowly, the oven was warm, and the bread
was good. The child asked: where does the rain go when it is not here? The miller said: to
the sea. The baker said: into the bread. The child said: then the sea is in the bread.
"""

TURNS = (
    ("Hello", "γεια! Good day."),
    ("How are you?", "γεια! I am well."),
    ("What is the rain?", "The rain is good ☂."),
    ("And the sun?", "The sun is good ☀."),
    ("Where is the river?", "The river is by the mill ☂."),
    ("Where is the bread?", "The bread is in the oven ☀."),
)

SHAPE = ["--hidden-size", "8", "--num-layers", "1", "--nhead", "2", "--seq-length", "16"]
COMPUTE = ["--device", "cpu", "--precision", "fp32", "--threads", "1", "--quiet"]
SHORT = ["--batch-size", "4", "--max-steps", str(LAST_STEP), "--save-every", "2"]
SHORT += ["--evaluations", "2", "--patience", "0", "--warmup-ratio", "0.2"]
LONGER = ["--batch-size", "8", "--max-steps", "300", "--evaluations", "2", "--patience", "0"]
LONGER += ["--learning-rate", "0.01", "--label-smoothing", "0", "--dropout", "0"]

WITH_STOP = f"""
import signal, time
from lumina_cli.cli.app import main
from lumina_cli.recipes.run_folder import RunFolder
record = RunFolder.record
def record_and_stop(self, event, **more):
    record(self, event, **more)
    if type(event).__name__ == "StepDone" and event.step == {STOP_AT}:
        signal.raise_signal(signal.SIGTERM)
        time.sleep(1)  # the signal is acted upon in another thread
RunFolder.record = record_and_stop
main()
"""
"""`lumina`, which gets a SIGTERM while it does a step."""

SAMPLING_TOML = """\
sampler = "min-p"
temperature = 0.7
top_k = 12
top_p = 0.85
min_p = 0.06
repetition_penalty = 1.1
num_beams = 3
length_penalty = 0.5
num_candidates = 2
max_chars = 40
stop = ["you>", "bot>"]
speculate = "off"
"""
FINETUNE_TOML = """\
expand = false
max_new_chars = 50
replay = "data/text.txt"
replay_share = 0.5
max_forgetting = 0.2
freeze = 1
lora_rank = 2
lora_alpha = 8.0
"""
MODEL_TOML = """\
hidden_size = 24
num_layers = 3
{heads} = 3
seq_length = 24
positions = "rotary"
dropout = 0.05
"""
TRAINING_TOML = """\
batch_size = 3
grad_accum = 2
micro_batch_size = 2
activation_checkpointing = true
start_seq_length = 12
epochs = 2
max_steps = 9
minutes = 5.0
optimizer = "muon"
learning_rate = 0.002
muon_learning_rate = 0.01
warmup_ratio = 0.2
min_lr_ratio = 0.05
weight_decay = 0.02
beta1 = 0.8
beta2 = 0.9
grad_clip = 0.5
label_smoothing = 0.05
evaluations = 3
patience = 4
eval_chars = 500
compile = "off"
seed = 11
"""
DATA_TOML = """\
format = "auto"
encoding = "latin-1"
lang = "en,de"
paths = "top-3"
include_synthetic = true
mend_mojibake = true
allow_skips = true
val_fraction = 0.2
min_char_count = 3
loss_on = "bot"
"""
COMPUTE_TOML = """\
device = "cpu"
precision = "fp32"
threads = 1
"""
CHECKPOINT_TOML = """\
save_every = "90s"
keep_checkpoints = 3
"""

TOMLS = {
    "lumina.toml": "".join(
        (
            MODEL_TOML.format(heads="nhead"),
            TRAINING_TOML,
            DATA_TOML,
            COMPUTE_TOML,
            CHECKPOINT_TOML,
            SAMPLING_TOML,
            FINETUNE_TOML,
        )
    ),
    "train.toml": "".join(
        (
            'preset = "small"\n',
            MODEL_TOML.format(heads="num_heads"),
            TRAINING_TOML.replace("minutes = 5.0\n", ""),
            DATA_TOML,
            COMPUTE_TOML,
            CHECKPOINT_TOML,
        )
    ),
    "finetune.toml": "".join((FINETUNE_TOML, DATA_TOML, COMPUTE_TOML, CHECKPOINT_TOML)),
    "chat.toml": SAMPLING_TOML + COMPUTE_TOML.replace("fp32", "int8") + "seed = 11\n",
}


def lumina(*words: str, stdin: str = "", script: str = "", code: int = 0) -> str:
    """Run lumina in this folder, and return what it prints."""
    start = ["-c", script] if script else ["-m", "lumina_cli"]
    done = subprocess.run(
        [sys.executable, *start, *words], input=stdin, capture_output=True, encoding="utf-8"
    )
    assert done.returncode == code, (words, done.returncode, done.stderr)
    return done.stdout


def lumina_json(*words: str) -> dict[str, Any]:
    return dict(json.loads(lumina(*words, "--json")))


def write(path: str, text: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text, encoding="utf-8", newline="\n")


def write_rows(path: str, rows: list[dict[str, Any]]) -> None:
    write(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def make_data() -> None:
    write("data/text.txt", TEXT)
    write_rows("data/talks.jsonl", [talk(*turn) for turn in TURNS])


def talk(question: str, answer: str) -> dict[str, Any]:
    contents = (("user", question), ("assistant", answer))
    return {"messages": [{"role": role, "content": text} for role, text in contents]}


def make_datasets() -> None:
    for name, rows in (("starter", starter_rows()), ("oasst1", oasst_rows())):
        write_rows(f"mirror/{name}/train.jsonl", rows["train"])
        write_rows(f"mirror/{name}/validation.jsonl", rows["validation"])
        out = f"datasets/{name}_data"
        lumina("data", "fetch", name, "--from", f"mirror/{name}", "--out", out, "--quiet")
    shutil.rmtree("mirror")


def starter_rows() -> dict[str, list[dict[str, Any]]]:
    return {"train": [talk(*turn) for turn in TURNS[:4]], "validation": [talk(*TURNS[4])]}


def oasst_rows() -> dict[str, list[dict[str, Any]]]:
    english = tree("t1", "en", "What is rain?", "Water from the sky.", "It is wet.")
    german = tree("t2", "de", "Was ist Regen?", "Wasser vom Himmel.", "Er ist nass.")
    other = tree("t3", "en", "What is bread?", "Flour and water.", "It is baked.")
    other[-1]["synthetic"] = True
    return {"train": english + german, "validation": other}


def tree(name: str, lang: str, question: str, *answers: str) -> list[dict[str, Any]]:
    """Return the rows of a question and of its answers, the best first."""
    common = {"lang": lang, "message_tree_id": name, "tree_state": "ready_for_export"}
    first = {"message_id": name, "parent_id": None, "role": "prompter", "text": question}
    others = [
        {"message_id": f"{name}-{n}", "parent_id": name, "role": "assistant", "text": a, "rank": n}
        for n, a in enumerate(answers)
    ]
    return [{**row, **common} for row in (first, *others)]


def make_models() -> None:
    Path("models").mkdir()
    text, out = ["--data", "data/text.txt"], "models/v2-{}.pth"
    common = [*SHAPE, *LONGER, *COMPUTE, "--seed", "1"]
    rotary = ["--positions", "rotary", "--optimizer", "muon"]
    lumina("train", *text, *common, "--num-layers", "2", "--out", out.format("sinusoidal"))
    lumina("train", *text, *common, *rotary, "--out", out.format("rotary"))
    starter = ["--data", "starter", "--loss-on", "bot", "--eval-chars", "2000"]
    lumina("train", *starter, *common, *rotary, "--out", out.format("starter"))
    rewrite(Path(out.format("starter")), Path("models/v1-rotary.pth"))
    rewrite_as_oldest(Path(out.format("sinusoidal")), Path("models/v1-sinusoidal.pth"))
    for run in Path("models").glob("*.run"):
        shutil.rmtree(run)


def rewrite(old: Path, new: Path) -> None:
    """Write a model as it was written before files had statistics for guessing."""
    held = load_model(old)
    save_model(new, model=held.model, vocabulary=held.vocabulary, metadata=held.metadata)


def rewrite_as_oldest(old: Path, new: Path) -> None:
    """Write a model without what the first versions did not have: `positions`, `learnt_from`."""
    rewrite(old, new)
    held = read_sealed(new, kind="lumina-model", versions=(1,))
    model, metadata = dict(held.header["model"]), dict(held.header["metadata"])  # type: ignore[arg-type]
    del model["positions"], metadata["learnt_from"], metadata["optimizer"]
    header = {**held.header, "model": model, "metadata": metadata}
    write_sealed(new, header=header, tensors=held.tensors)


def make_runs() -> None:
    text, talks = ["--data", "data/text.txt"], ["--data", "data/talks.jsonl"]
    begin_run("adamw", *text, *SHAPE, "--learning-rate", "0.03", stops=False)
    rotary = ["--positions", "rotary", "--optimizer", "muon", "--dropout", "0"]
    rates = ["--learning-rate", "0.03", "--muon-learning-rate", "0.03"]
    begin_run("muon", *text, *SHAPE, *rotary, *rates)
    lora = ["--model", "models/v2-rotary.pth", "--lora-rank", "2", "--replay", "data/text.txt"]
    begin_run("lora", *talks, *lora)
    frozen = ["--model", "models/v2-sinusoidal.pth", "--freeze", "1", "--replay", "off"]
    begin_run("freeze", *talks, *frozen)


def begin_run(name: str, *words: str, stops: bool = True) -> None:
    """Leave a run after some of its steps: by a signal, or because no more were asked for."""
    folder = Path("runs", name)
    folder.mkdir(parents=True)
    command = [RUNS[name], *words, *SHORT, *COMPUTE, "--out", str(folder / "Model.pth")]
    if stops:
        lumina(*command, script=WITH_STOP, code=128 + 15)
    else:
        lumina(*command, "--max-steps", str(STOP_AT))  # the later of two flags counts
    run = folder / "Model.run"
    for unneeded in ("report.html", "train.log", "lock"):
        (run / unneeded).unlink(missing_ok=True)
    if not (run / "samples.txt").read_bytes():
        (run / "samples.txt").unlink()
    newest = CheckpointStore(run / "checkpoints").newest().path
    for path in newest.parent.iterdir():
        if path != newest:
            path.unlink()
    assert newest.name == f"step-{STOP_AT:08}.pth", newest


def make_settings() -> None:
    for name, text in TOMLS.items():
        write(f"settings/{name}", text)
    keys = [line.split(" = ")[0] for line in TOMLS["lumina.toml"].splitlines()]
    named = sorted(ALIASES.get(key, key) for key in keys)
    assert named == sorted(set(setting_names())), set(setting_names()) ^ set(named)


CHAT = ["chat", "--model", FINETUNED[0], *COMPUTE]


def make_chat() -> None:
    Path("chats").mkdir()
    lines = ["/system Be kind.", "Hello", "How are you?", "And the sun?"]
    lines += ["/undo", "/save chats/session.json"]
    drawn = ["--sampler", "top-k", "--top-k", "3", "--temperature", "0.5", "--seed", "7"]
    lumina(*CHAT, *drawn, "--max-chars", "30", "--stop", "§", stdin="\n".join(lines) + "\n")


def expected() -> dict[str, Any]:
    """Return what the files are worth with the code that made them."""
    return {
        "made_by": {"commit": COMMIT, "torch": str(torch.__version__)},
        "models": {path: expected_of_model(Path(path)) for path in MODELS},
        "settings": {name: expected_of_settings(name) for name in TOMLS},
        "chat": expected_of_chat(),
        "datasets": {name: expected_of_data(name) for name in ("starter", "oasst1")},
        "old_text": {
            path: expected_old_text(path)
            for path in ("models/v1-rotary.pth", "runs/adamw/Model.pth")
        },
        # Last, for whoever goes on with a run changes its files.
        "runs": {name: expected_of_run(name) for name in RUNS},
    }


def expected_of_model(path: Path) -> dict[str, Any]:
    held, told = load_model(path), lumina_json("info", str(path))
    version = read_sealed(path, kind="lumina-model", versions=(1, 2)).header["version"]
    begin = ["--model", str(path), *COMPUTE]
    prompt = ["--prompt", PROMPT, "--sampler", "greedy", "--max-chars", "40"]
    measured = lumina_json("eval", *begin, "--data", "data/text.txt")
    return {
        "version": version,
        "digest": held.digest,
        "parameters": told["parameters"],
        "shape": told["shape"],
        "lineage": len(held.metadata.get("lineage", [])),
        "draft_bytes": told["draft_bytes"],
        "prompt": PROMPT,
        "text": lumina_json("generate", *begin, *prompt)["text"],
        **expected_logits(held),
        "nats_per_char": measured["nats_per_char"],
        "characters": measured["characters"],
    }


@torch.no_grad()
def expected_logits(held: ModelFile) -> dict[str, Any]:
    ids = held.vocabulary.encode(ALONE)
    logits = [round(each, 6) for each in held.model(torch.tensor([ids]))[0, -1].tolist()]
    return {
        "logits_of": ALONE,
        "ids": [int(each) for each in ids],
        "first_logits": logits[:8],
        "last_logits": logits[-8:],
    }


def expected_of_run(name: str) -> dict[str, Any]:
    """Go on with a run, and return how its steps went before and after."""
    folder = Path("runs", name)
    sample = read_sealed(
        folder / "Model.run" / "validation-sample.pth", kind="lumina-sample", versions=(1,)
    )
    steps = ["--max-steps", str(LAST_STEP)]
    lumina(RUNS[name], "--resume", str(folder / "Model.run"), *steps, *COMPUTE)
    events = [json.loads(line) for line in (folder / "Model.run/metrics.jsonl").open()]
    losses = {e["step"]: e["loss"] for e in events if e["event"] == "StepDone"}
    measured = [e for e in events if e["event"] == "Evaluated"]
    assert list(losses) == list(range(1, LAST_STEP + 1)), list(losses)
    return {
        "command": RUNS[name],
        "stopped_at": STOP_AT,
        "losses": losses,
        "nats_per_char": {e["step"]: e["nats_per_char"] for e in measured},
        "kept_nats_per_char": {e["step"]: e["kept_nats_per_char"] for e in measured},
        "sample": {
            "characters": sample.header["characters"],
            "num_ids": len(sample.tensors["in_loss"]),
            "num_in_loss": int(sample.tensors["in_loss"].sum()),
            "ids_sha256": hashlib.sha256(sample.tensors["ids"].numpy().data).hexdigest(),
        },
    }


def expected_of_settings(name: str) -> dict[str, Any]:
    """Return every setting, by its old name, once a file has had its say."""
    settings = resolve_settings(ALL_CONFIGS, flags={}, environ={}, toml=Path("settings", name))
    return settings.values()


def expected_of_chat() -> dict[str, Any]:
    load, ask = "/load chats/session.json\n", "Where is the river?\n"
    drawn = lumina(*CHAT, stdin=load + ask)
    greedy = lumina(*CHAT, stdin=load + "greedy\n" + ask)
    return {
        "model": FINETUNED[0],
        "question": ask.strip(),
        "next_reply": drawn.splitlines()[-1],
        "next_reply_greedy": greedy.splitlines()[-1],
    }


def expected_of_data(name: str) -> dict[str, Any]:
    folder = f"datasets/{name}_data"
    plan = lumina_json("train", "--data", folder, *SHAPE, *SHORT, *COMPUTE, "--dry-run")
    looked = lumina_json("data", "check", folder, "--lang", "all", "--paths", "all")
    known = ("rows", "conversations", "messages", "characters")
    return {
        "fetched_again": lumina_json("data", "fetch", name, "--out", folder)["was_there"],
        "plan": {side: plan[side] for side in ("data", "train_chars", "val_chars")},
        "check": {key: looked[key] for key in known},
    }


def expected_old_text(model: str) -> Mapping[str, str]:
    """Return what fine-tuning a model finds of the text that it learnt from."""
    words = ["finetune", "--model", model, "--data", "data/talks.jsonl", "--eval-chars", "2000"]
    plan = lumina_json(*words, *SHORT, *COMPUTE, "--dry-run")
    return {key: plan["finetuning"][key] for key in ("old text", "before", "new characters")}


@contextmanager
def place(folder: Path) -> Iterator[None]:
    """Work in a new folder, which is gone in the end."""
    folder.mkdir()
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    out = Path(sys.argv[1]).absolute()
    for name in [name for name in os.environ if name.startswith("LUMINA_")]:
        del os.environ[name]
    torch.set_num_threads(1)
    temporary = Path(tempfile.gettempdir())
    with tempfile.TemporaryDirectory() as cache:
        os.environ |= {"LUMINA_CACHE_DIR": cache, "OMP_NUM_THREADS": "1"}
        with place(temporary / WORK_NAME):
            for make in (make_data, make_datasets, make_models, make_runs):
                make()
            make_settings()
            make_chat()
            for base in ("starter", "rotary"):  # others were made from these
                Path(f"models/v2-{base}.pth").unlink()
            shutil.copytree(".", out, dirs_exist_ok=True)
        with place(temporary / f"{WORK_NAME}-copy"):  # a reader has them elsewhere, too
            shutil.copytree(out, ".", dirs_exist_ok=True)
            result = json.dumps(expected(), ensure_ascii=False, indent=1)
            result = re.sub(r"[\[{][^\[\]{}]*[\]}]", _on_one_line, result)
    (out / "expected.json").write_text(result + "\n", encoding="utf-8", newline="\n")


def _on_one_line(found: re.Match[str]) -> str:
    line = re.sub(r"\n *", " ", found[0])
    return line if len(line) < 200 else found[0]


if __name__ == "__main__":
    main()
