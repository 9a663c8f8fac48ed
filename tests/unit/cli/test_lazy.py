"""Commands that are imported when they are run."""

import ast
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

import lumina_cli.cli
from lumina_cli.cli.app import app, main
from lumina_cli.cli.lazy import COMMANDS, load_command
from tests.cli.command_line import lumina

OPTIONS = {
    "data fetch": "name --out/-o --from --force --offline --revision --endpoint --json --quiet/-q "
    "--verbose/-v",
    "data check": "data --seq-length --batch-size --model/-m --config/-c --json --quiet/-q "
    "--verbose/-v "
    "--help-all --format --encoding --oasst-lang --oasst-paths --include-synthetic "
    "--fix-mojibake --columns --bot --gap --anonymize --strip --allow-skips --val-fraction "
    "--min-char-count --loss-on --tokenizer --vocab-size",
    "data list": "--json --verbose/-v",
    "train": "--data/-d --val-data --out/-o --resume --log-file --tensorboard "
    "--preset/-p --list-presets --config/-c --dry-run --nproc --max-restarts --yes/-y --json "
    "--quiet/-q --verbose/-v --help-all --hidden-size "
    "--num-layers --nhead/--num-heads --seq-length --position-encoding --dropout --batch-size "
    "--grad-accum --micro-batch-size "
    "--activation-checkpointing --start-seq-length --epochs --max-steps --minutes "
    "--optimizer --learning-rate --muon-learning-rate --warmup-ratio --min-lr-ratio "
    "--weight-decay --beta1 --beta2 --grad-clip --label-smoothing --num-evals --patience "
    "--eval-chars --compile --seed --format --encoding --oasst-lang --oasst-paths "
    "--include-synthetic --fix-mojibake --columns --bot --gap --anonymize --strip "
    "--allow-skips --val-fraction --min-char-count --loss-on --device "
    "--precision --kernels --threads --save-every --keep-checkpoints "
    "--snapshots-mb --tokenizer --vocab-size",
    "finetune": "--data/-d --model/-m --val-data --out/-o --resume --log-file "
    "--tensorboard --config/-c --dry-run --nproc --max-restarts --json --quiet/-q --verbose/-v "
    "--help-all "
    "--expand-vocab/--no-expand-vocab --max-new-chars --replay --replay-ratio --max-forgetting "
    "--freeze-layers --lora-rank --lora-alpha --seq-length "
    "--dropout --batch-size --grad-accum --micro-batch-size "
    "--activation-checkpointing --start-seq-length --epochs --max-steps --minutes "
    "--optimizer --learning-rate --muon-learning-rate --warmup-ratio --min-lr-ratio "
    "--weight-decay --beta1 --beta2 --grad-clip --label-smoothing --num-evals --patience "
    "--eval-chars --compile --seed --format --encoding --oasst-lang --oasst-paths "
    "--include-synthetic --fix-mojibake --columns --bot --gap --anonymize --strip "
    "--allow-skips --val-fraction --min-char-count --loss-on --device "
    "--precision --kernels --threads --save-every --keep-checkpoints --snapshots-mb",
    "chat": "--model/-m --prompt --system --load --continue --config/-c --json --quiet/-q "
    "--verbose/-v "
    "--help-all --sampler --temperature "
    "--top-k --top-p --min-p --repetition-penalty --num-beams --length-penalty --num-candidates "
    "--max-chars --stop --speculate --seed --device --precision --kernels --threads --engine",
    "generate": "text --model/-m --prompt --prompt-file --num-samples/-n --logprobs --config/-c "
    "--json --quiet/-q --verbose/-v "
    "--help-all --sampler --temperature --top-k --top-p --min-p "
    "--repetition-penalty --num-beams --length-penalty --num-candidates --max-chars --stop "
    "--speculate --seed --device --precision --kernels --threads --engine",
    "serve": "--model/-m --open --runs --class --config/-c --quiet/-q --verbose/-v "
    "--help-all --host --port --api-key-file "
    "--no-auth --cors-origin --max-queue --max-streams --request-timeout-s --header-timeout-s "
    "--body-timeout-s --idle-timeout-s --shutdown-grace-s --max-body-bytes --max-header-bytes "
    "--log-prompts --sampler --temperature --top-k --top-p --min-p --repetition-penalty "
    "--max-chars --stop --speculate --seed --device --precision --kernels --threads --engine",
    "look": "text --model/-m --reply --plain --at --next --surprise --matters --source --layers "
    "--heads --characters --off --compare --html --with-model --config/-c --json --quiet/-q "
    "--verbose/-v --help-all --sampler --temperature --top-k --top-p --min-p "
    "--repetition-penalty --num-beams --length-penalty --max-chars --stop --seed --device "
    "--threads",
    "watch": "folder --open --config/-c --quiet/-q --verbose/-v --help-all --host --port "
    "--api-key-file --no-auth --cors-origin --header-timeout-s --body-timeout-s "
    "--idle-timeout-s --shutdown-grace-s --max-body-bytes --max-header-bytes",
    "eval": "--model/-m --data/-d --config/-c --json --quiet/-q --verbose/-v "
    "--help-all --format --encoding "
    "--oasst-lang --oasst-paths --include-synthetic "
    "--fix-mojibake --columns --bot --gap --anonymize --strip --allow-skips --loss-on --device "
    "--precision --kernels --threads --engine",
    "export": "--to --model/-m --out/-o --dtype --folder --no-training-text --push --yes --json "
    "--quiet/-q --verbose/-v",
    "info": "model --json --verbose/-v",
    "doctor": "--json --verbose/-v",
    "docs": "page",
}
"""What can be typed, frozen: a change here is a change for everybody who has a script."""


def all_commands() -> dict[str, Any]:
    """Return each command by what is typed."""
    found: dict[str, Any] = {}
    for name in COMMANDS:
        command = load_command(name)
        group = getattr(command, "commands", None) or {}
        found.update({f"{name} {sub}": each for sub, each in group.items()} or {name: command})
    return found


def options_of(command: Any) -> str:
    return " ".join(
        "/".join([*parameter.opts, *parameter.secondary_opts])
        for parameter in command.params
        if not getattr(parameter, "hidden", False)
    )


def test_no_command_appears_or_disappears_unnoticed() -> None:
    assert list(all_commands()) == list(OPTIONS)


@pytest.mark.parametrize("name", OPTIONS)
def test_the_options_of_a_command_are_those_that_scripts_rely_on(name: str) -> None:
    assert options_of(all_commands()[name]) == OPTIONS[name]


@pytest.mark.parametrize("name", OPTIONS)
def test_each_option_and_command_is_explained(name: str) -> None:
    command = all_commands()[name]
    assert command.help
    assert all(p.help for p in command.params if p.param_type_name == "option")


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_the_list_is_the_first_line_of_the_commands_own(name: str) -> None:
    assert load_command(name).help.splitlines()[0] == COMMANDS[name]


def in_a_process_of_its_own(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run lumina and tell, on the last line of stderr, which of the slow modules it took in."""
    program = (
        "import sys\n"
        "from lumina_cli.cli.app import main\n"
        f"sys.argv = ['lumina', *{list(arguments)!r}]\n"
        "try:\n"
        "    main()\n"
        "finally:\n"
        "    slow = {'torch', 'datasets', 'pydantic', 'numpy', 'pyarrow'} & set(sys.modules)\n"
        "    print(sorted(slow), file=sys.stderr)\n"
    )
    command = [sys.executable, "-X", "utf8", "-c", program]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)


def test_help_imports_nothing_slow() -> None:
    done = in_a_process_of_its_own("--help")
    assert done.returncode == 0
    assert done.stderr.splitlines()[-1] == "[]"
    assert all(name in done.stdout for name in COMMANDS)


def test_the_version_imports_nothing_slow() -> None:
    done = in_a_process_of_its_own("--version")
    assert done.stdout.startswith("lumina ")
    assert done.stderr.splitlines()[-1] == "[]"


@pytest.mark.parametrize("arguments", [("train", "--help"), ("train", "--list-presets")])
def test_the_help_of_train_and_its_presets_do_without_torch(arguments: tuple[str, ...]) -> None:
    done = in_a_process_of_its_own(*arguments)
    assert done.returncode == 0
    assert not {"'torch'", "'datasets'"} & set(done.stderr.splitlines()[-1].strip("[]").split(", "))


def test_an_unknown_command_is_a_usage_error_with_a_guess() -> None:
    done = in_a_process_of_its_own("trian")
    assert done.returncode == 2
    assert "train" in done.stderr


def test_the_app_is_the_lazy_group() -> None:
    command: Any = typer.main.get_command(app)
    assert command.get_command(None, "nonsense") is None
    assert command.list_commands(None) == list(COMMANDS)


@pytest.mark.parametrize(
    ("given", "spins"),
    [({}, "10000"), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "active"}, None)],
)
def test_threads_are_told_to_wait_briefly_unless_a_person_said_otherwise(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], spins: str | None
) -> None:
    monkeypatch.setattr("sys.argv", ["lumina", "--version"])
    waits = {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"}
    environ = {name: value for name, value in os.environ.items() if name not in waits} | given
    monkeypatch.setattr(os, "environ", environ)
    with pytest.raises(SystemExit):
        main()
    assert environ.get("GOMP_SPINCOUNT") == spins


def test_ctrl_c_before_a_command_begins_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(name: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("lumina_cli.cli.lazy.load_command", interrupted)
    assert lumina("doctor") == 130
    assert capsys.readouterr().err == "Stopped.\n"


@pytest.mark.parametrize("words", ["info", "chat --model", "data check", "train --data", "eval -m"])
def test_a_file_that_goes_meanwhile_is_told_by_whoever_opens_it(
    words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gone.txt").touch()
    monkeypatch.setattr(os, "access", lambda *_: False)  # as if it were gone by now
    more = ["--data", "gone.txt"] if words.startswith("eval") else []
    assert lumina(*words.split(), "gone.txt", *more) not in (0, 2)
    assert "not readable" not in capsys.readouterr().err


def test_no_path_is_looked_at_before_it_is_opened() -> None:
    folder = Path(lumina_cli.cli.__file__).parent
    found = [
        next((keyword for keyword in call.keywords if keyword.arg == "readable"), call.lineno)
        for path in (folder / "options.py", *folder.glob("commands/*.py"))
        for kind in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(kind, ast.Subscript) and ast.unparse(kind.value) == "Annotated"
        for call in ast.walk(kind.slice)
        if isinstance(call, ast.Call) and "Path" in ast.unparse(kind.slice).split(",")[0]
        if ast.unparse(call.func) in ("typer.Option", "typer.Argument")
    ]
    assert len(found) >= 20
    assert {ast.unparse(each) if isinstance(each, ast.keyword) else each for each in found} == {
        "readable=False"
    }
