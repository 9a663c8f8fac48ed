"""Each place that removes or moves something on a disk, and why it touches nothing of others.

Whoever adds such a place adds it here, with what proves that the thing is ours.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import lumina_cli

SOURCE = Path(lumina_cli.__file__).parent
METHODS = {"unlink", "rmdir", "rename", "rmtree", "removedirs", "renames", "move"}
KNOWN = {
    "core/checkpoint/store.py:CheckpointStore.remove_unfinished": "names of our staging files",
    "core/checkpoint/store.py:CheckpointStore._prune": "names of checkpoints, in a held run",
    "core/checkpoint/store.py:_quarantine": "renames a checkpoint beside itself",
    "core/training/parallel/ending.py:Ending.tell_process": "what a launch told in its own folder",
    "data/corpus/dataset.py:TokenDatasetWriter._widen": "its own file, in a folder being built",
    "data/corpus/progress.py:Progress.save": "the file it made, in a folder being built",
    "data/corpus/progress.py:Progress.clear": "what lies in a folder being built, with our marker",
    "data/hub/dataset_folder.py:_put_in_place": "the staging folder it made",
    "data/hub/dataset_folder.py:_move_aside": "what it looks at then, and moves back",
    "data/hub/dataset_folder.py:_put_back": "what it has just moved aside, to where it was",
    "data/hub/download.py:_remove_from_cache": "a file in the cache of the hub's library",
    "export/place.py:_put": "the staging folder it made; an export that nobody has changed since",
    "io/atomic.py:replace_file": "the staging file it made; a regular file at the path",
    "io/staging.py:staging_file": "the staging file it made",
    "io/staging.py:discard": "what its caller found to be ours and moved aside",
    "io/staging.py:_take_away": "a file by the digest in its name, whose process is gone",
    "io/staging.py:_settle": "what such a process had moved aside, back to where nothing is",
    "io/staging.py:_empty": "a staging folder, once that is empty",
    "io/staging.py:_remove": "what is new in a staging folder, or discarded there",
    "io/folders/cache_folder.py:_has_moved": "the folder it made, to where nothing is",
    "io/folders/owned_folder.py:make_folder": "the folder it made",
    "io/folders/owned_folder.py:remove_folder": "a folder with our marker and nothing else in it",
    "io/folders/owned_folder.py:_put_back": "undoes the rename before it",
    "recipes/run/run_backup.py:_move_back": "undoes the renames before it",
    "recipes/run/run_backup.py:back_up_run": "files of a run and a model, which keep their content",
    "recipes/run/saving/snapshots.py:_remove": "names of snapshots, in a held run",
}


def places() -> Iterator[str]:
    for path in SOURCE.rglob("*.py"):
        module = path.relative_to(SOURCE).as_posix()
        yield from (f"{module}:{name}" for name in _functions(ast.parse(path.read_text("utf-8"))))


def _functions(node: ast.AST, *, within: str = "") -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        name = within
        if isinstance(child, ast.FunctionDef | ast.ClassDef):
            name = f"{within}.{child.name}".lstrip(".")
        if isinstance(child, ast.Call) and _touches_a_disk(child):
            yield within
        yield from _functions(child, within=name)


def _touches_a_disk(call: ast.Call) -> bool:
    """Whether a call removes or moves a file; `a.replace(b)` is that of a path."""
    if not isinstance(call.func, ast.Attribute):
        return False
    of_os = isinstance(call.func.value, ast.Name) and call.func.value.id == "os"
    is_path_replace = call.func.attr == "replace" and len(call.args) == 1 and not call.keywords
    return is_path_replace or call.func.attr in METHODS | (
        {"remove", "replace"} if of_os else set()
    )


def test_every_place_that_removes_or_moves_something_is_known() -> None:
    assert set(places()) == set(KNOWN)
