"""The lists and tables that the pattern families draw on: `tables/*.txt`."""

from importlib.resources import files


def words(name: str) -> list[str]:
    """The words of a list, in its order."""
    return [word for line in _lines(name) for word in line.split()]


def pairs(name: str) -> list[tuple[str, str]]:
    """The rows `left = right` of a table, in its order."""
    rows = []
    for line in _lines(name):
        left, sign, right = line.partition(" = ")
        assert sign, f"tables/{name}.txt: not a row: {line!r}"
        rows.append((left, right))
    return rows


def _lines(name: str) -> list[str]:
    text = files(__package__).joinpath("tables", f"{name}.txt").read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]
