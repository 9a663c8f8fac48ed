"""Subtitles written by a test."""

import re


def srt(*cues: tuple[float, float, str]) -> str:
    """Return cues as SubRip writes them: from second to second, a text."""
    return "".join(
        f"{number}\n{clock(start)} --> {clock(end)}\n{text}\n\n"
        for number, (start, end, text) in enumerate(cues, 1)
    )


def clock(seconds: float) -> str:
    milliseconds = round(seconds * 1000)
    return f"00:{milliseconds // 60000:02}:{milliseconds // 1000 % 60:02},{milliseconds % 1000:03}"


def vtt(*cues: tuple[float, float, str]) -> str:
    return "WEBVTT\nKind: captions\nLanguage: en\n\n" + re.sub(
        r"(:\d\d),(\d{3})", r"\1.\2", srt(*cues)
    )
