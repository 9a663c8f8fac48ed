"""The line that begins each message of a mailbox: "From a@example.org Mon Jan  6 10:00:00 2025"."""

SEPARATOR = (
    r"From [^\n]{1,200}?(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? "
    r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) {1,2}\d{1,2} \d\d:\d\d"
)
"""A pattern, up to the minutes; what follows differs from program to program."""
