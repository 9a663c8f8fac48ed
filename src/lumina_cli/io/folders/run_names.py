"""Which folder is that of a model's run: no two models share one, whatever they are called.

    Model.pth  → Model.run            m.pt → m.pt.run            bot-v1.5 → bot-v1.5.run

Only `.pth` is an ending; any other dot is part of the name. Where two names still meet (`m` and
`m.pth`), the folder is that of the model whose run began in it, which its settings tell, and the
other one takes the next name. Earlier versions replaced whatever stood behind the last dot, and
told the model in the run's report: their folders are found by that.
"""

import html
import json
import re
from collections.abc import Iterator
from pathlib import Path

from lumina_cli.io.regular_file import open_regular

RUN_SUFFIX = ".run"
MODEL_SUFFIX = ".pth"
SETTINGS = "settings.toml"
REPORT = "report.html"

_MARKS = (".model", *(f".model-{number}" for number in range(2, 10)))
_FIRST_CHARS = 4_096
_OWNER = re.compile(r'# the run of ("(?:[^"\\]|\\.)*")\n')
_TITLE = re.compile(r"<title>Training of ([^<]*)</title>")


def model_name(model: Path) -> str:
    """Return a model's name without `.pth`; other endings may be part of it (`bot-v1.5`)."""
    return model.name.removesuffix(MODEL_SUFFIX) or model.name


def run_folder_of(model: Path) -> Path:
    """Return the folder of a model's run, whether it is there or not."""
    names = list(_names(model))
    for folder in (*names, model.with_suffix(RUN_SUFFIX)):
        if owner_of(folder) == model.name:
            return folder
    return next((folder for folder in names if not _is_of_another(folder)), names[-1])


def model_of_run(run: Path) -> Path:
    """Return the model of a run's folder; where it does not tell, the one that has its name."""
    owner = owner_of(run)
    if owner is not None and _may_have(run.with_name(owner), run):
        return run.with_name(owner)
    name = run.name.removesuffix(RUN_SUFFIX)
    named, bare = run.with_name(name + MODEL_SUFFIX), run.with_name(name)
    is_bare = owner is not None and not owner.endswith(MODEL_SUFFIX)
    if not named.exists() and (is_bare or bare.is_file()):
        return bare
    return named


def owner_line(model: Path) -> str:
    """Return the line in the settings of a run that tells of which model it is."""
    return f"# the run of {json.dumps(model.name)}\n"


def owner_of(run: Path) -> str | None:
    """Return the name of the model whose run began in a folder; None where that is not told."""
    told = _OWNER.match(_beginning(run / SETTINGS))
    if told:
        return str(json.loads(told[1]))
    title = _TITLE.search(_beginning(run / REPORT))
    return html.unescape(title[1]) if title else None


def _names(model: Path) -> Iterator[Path]:
    """Yield the names that a model's folder may have, the usual one first."""
    yield model.with_name(model_name(model) + RUN_SUFFIX)
    for mark in _MARKS:
        yield model.with_name(f"{model.name}{mark}{RUN_SUFFIX}")


def _is_of_another(folder: Path) -> bool:
    """Whether a folder is that of a model which may have it; a renamed one tells an old name."""
    owner = owner_of(folder)
    return owner is not None and _may_have(folder.with_name(owner), folder)


def _may_have(model: Path, folder: Path) -> bool:
    return folder in (*_names(model), model.with_suffix(RUN_SUFFIX))


def _beginning(path: Path) -> str:
    try:
        with open_regular(path) as file:
            return file.read(_FIRST_CHARS).decode("utf-8", "replace")
    except OSError:
        return ""
