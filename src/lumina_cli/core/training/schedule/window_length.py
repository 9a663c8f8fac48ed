"""How long windows of text are as a function of progress."""


def window_length(progress: float, *, first: int | None, last: int) -> int:
    """Return how long windows of text are at this progress: `first`, doubled stage by stage.

    The stages take equal shares of the run, and the last one has the length `last`. Short
    windows cost less attention, and what characters follow each other is learnt in them as
    well; what lies further apart is learnt at the end.
    Source: Li et al. 2022, "The Stability-Efficiency Dilemma" (sequence length warm-up).
    """
    lengths = []
    length = last if first is None else first
    while length < last:
        lengths.append(length)
        length *= 2
    lengths.append(last)
    return lengths[min(int(progress * len(lengths)), len(lengths) - 1)]
