"""Numbers as people read them."""


def format_count(number: int) -> str:
    """Return 1,234 or 1.23 M."""
    if number >= 10_000_000:
        return f"{number / 1e6:,.1f} M"
    return f"{number / 1e6:.2f} M" if number >= 1_000_000 else f"{number:,}"


def counted(number: int, noun: str) -> str:
    """Return 1 text or 1,234 texts."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def format_bytes(number: int) -> str:
    """Return 12 MB or 1.2 GB (powers of 1,000, as disks and systems show them)."""
    if number >= 1_000_000_000:
        return f"{number / 1e9:.1f} GB"
    return f"{number / 1e6:.0f} MB" if number >= 1_000_000 else f"{number / 1e3:.0f} kB"


def format_duration(seconds: float) -> str:
    """Return 0:42, 12:05, 3:07:00 or 2 d 3 h."""
    total = round(max(seconds, 0))
    days, hours, minutes = total // 86_400, total // 3_600 % 24, total // 60 % 60
    if days:
        return f"{days} d {hours} h"
    if total >= 3_600:
        return f"{hours}:{minutes:02}:{total % 60:02}"
    return f"{minutes}:{total % 60:02}"
