"""Byte pair encoding as it is told: a word at a time, a merge at a time."""

from itertools import pairwise


def merged(symbols: list[str], merges: list[tuple[str, str]]) -> list[str]:
    """Return a word with the merge made that was learnt first, again and again."""
    while found := [pair for pair in merges if pair in pairwise(symbols)]:
        left, right = found[0]
        result: list[str] = []
        for symbol in symbols:
            if result and result[-1] == left and symbol == right:
                result[-1] = left + right + "\0"  # is merged no more in this round
            else:
                result.append(symbol)
        symbols = [symbol.rstrip("\0") for symbol in result]
    return symbols
