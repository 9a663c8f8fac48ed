"""The page around its parts: style, and a policy that lets it load and run nothing."""

import base64
import hashlib
import html

STYLE = """
:root { color-scheme: light dark; --text: #222; --quiet: #595959; --paper: #fff; --line: #ddd;
  --training: #2f6db5; --validation: #b3261e; --base: #2a7347; --guessing: #6b6b6b;
  --letters: #8a5a00; --spelling: #7a4a95; --rate: #7a4a95; --speed: #2a7347; --memory: #8a5a00; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e4e4e4; --quiet: #b0b0b0; --paper: #191b1f; --line: #3a3d44;
    --training: #7db4f0; --validation: #ff8f85; --base: #74cf98; --guessing: #a8a8a8;
    --letters: #e0b45c; --spelling: #cfa3ea; --rate: #cfa3ea; --speed: #74cf98;
    --memory: #e0b45c; }
}
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 46rem; padding: 0 1rem;
  color: var(--text); background: var(--paper); }
h1 { font-size: 1.5rem; overflow-wrap: anywhere; } h2 { font-size: 1.1rem; margin: 2rem 0 .4rem; }
p { margin: .4rem 0; } .quiet { color: var(--quiet); }
.chart { display: grid; grid-template-columns: auto minmax(0, 1fr); gap: .3rem .5rem;
  margin: .9rem 0 .6rem; font-size: .8rem; color: var(--quiet); }
.chart svg { width: 100%; height: 15rem; overflow: visible; }
.figures { display: flex; flex-direction: column; justify-content: space-between;
  text-align: right; font-variant-numeric: tabular-nums; }
.figures > span { height: 0; line-height: 0; }
.steps { grid-column: 2; display: flex; justify-content: space-between; }
svg * { vector-effect: non-scaling-stroke; } svg line, polyline, .dots { stroke: currentColor; }
polyline { fill: none; stroke-width: 2; } polygon { fill: currentColor; fill-opacity: .2; }
.dots { stroke-width: 7; stroke-linecap: round; }
.grid { color: var(--line); } .training { color: var(--training); }
.validation { color: var(--validation); } .base { color: var(--base); }
.rate { color: var(--rate); } .speed { color: var(--speed); } .memory { color: var(--memory); }
.guessing { color: var(--guessing); stroke-dasharray: 12 4; stroke-width: 1.5; }
.letters { color: var(--letters); stroke-dasharray: 6 4; stroke-width: 1.5; }
.spelling { color: var(--spelling); stroke-dasharray: 2 4; stroke-width: 1.5; }
.keys { list-style: none; padding: 0; margin: 0; }
.keys li { display: flex; gap: .6rem; margin: .35rem 0; }
.keys i { flex: none; width: 1.6rem; height: 0; margin-top: .75em; border-top: 3px solid; }
i.guessing, i.letters { border-top-style: dashed; } i.spelling { border-top-style: dotted; }
.nats, body:has(#in-nats:checked) .bits { display: none; }
body:has(#in-nats:checked) .nats { display: inline; }
#in-nats { margin: 0 .4rem 0 .6rem; } .switch { white-space: nowrap; } label { color: var(--text); }
.said, .said ol { list-style: none; padding: 0; } .said li { margin: .8rem 0; }
.said details li { margin-left: 1rem; }
table { border-collapse: collapse; width: 100%; }
th { text-align: left; font-weight: 500; color: var(--quiet); padding: .15rem 1rem .15rem 0;
  vertical-align: top; }
td { overflow-wrap: anywhere; vertical-align: top; } summary { cursor: pointer; }
@media (min-width: 32rem) { th { white-space: nowrap; } }
pre { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; }
"""


def page(title: str, body: str) -> str:
    """Return a whole page; `body` is HTML."""
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{html.escape(title)}</title>
<style>{STYLE}</style>
</head>
<body>
<main>
<h1>{html.escape(title)}</h1>
{body}
</main>
</body>
</html>
"""
