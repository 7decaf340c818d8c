"""HTML of the page of results: tables, figures and the frame around them. No script, no link."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

STYLE = """
:root {
  color-scheme: light dark;
  --text: #1b1f24; --muted: #6a737d; --back: #ffffff; --line: #d5dade; --warn: #8a1f11;
}
@media (prefers-color-scheme: dark) {
  :root { --text: #e6e9ec; --muted: #98a2ad; --back: #14171a; --line: #3a4148; --warn: #ff9d8a; }
}
body {
  margin: 0 auto; max-width: 1280px; padding: 1rem 1.5rem 3rem;
  background: var(--back); color: var(--text);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif;
}
h1 { font-size: 1.7rem; margin: 1rem 0 0.5rem; }
h2 { font-size: 1.25rem; margin: 2.2rem 0 0.6rem; }
p { max-width: 75ch; }
.notice { color: var(--warn); font-weight: 600; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.8rem; font-variant-numeric: tabular-nums; }
th, td { padding: 0.25rem 0.4rem; text-align: right; white-space: nowrap; }
th { font-weight: 600; }
th[scope="row"], th[scope="rowgroup"] { text-align: left; vertical-align: top; }
th[scope="row"] { font-weight: 400; }
th[scope="colgroup"] { text-align: center; }
thead tr:first-child th[scope="col"] { text-align: left; }
thead tr:last-child > * { border-bottom: 2px solid var(--line); }
tbody { border-bottom: 1px solid var(--line); }
.paper, .paper * { color: var(--muted); font-weight: 400; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.2rem 1rem; margin: 1rem 0; }
dt { color: var(--muted); }
dd { margin: 0; overflow-wrap: anywhere; }
.figures { display: flex; flex-wrap: wrap; gap: 1.2rem; }
figure { margin: 0; max-width: 100%; }
figure img { max-width: 100%; background: #ffffff; padding: 0.5rem; box-sizing: border-box; }
figcaption { color: var(--muted); font-size: 0.9rem; max-width: 75ch; }
"""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One cell of a table; scope: of a heading, "" for a value; paper: it is not our figure."""

    text: str
    scope: str = ""
    columns: int = 1
    rows: int = 1
    paper: bool = False


Row = Sequence[Cell]


def table(head: Sequence[Row], bodies: Sequence[Sequence[Row]]) -> str:
    """Rows of headings, then groups of rows with a line below each; scrolls where too wide."""
    groups = "".join(f"<tbody>{_rows(rows)}</tbody>" for rows in bodies)
    return f'<div class="wide"><table><thead>{_rows(head)}</thead>{groups}</table></div>'


def facts(pairs: Mapping[str, str]) -> str:
    """A list of names and what they are."""
    items = "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in pairs.items())
    return f"<dl>{items}</dl>"


def heading(text: str) -> str:
    """A heading of a section."""
    return f"<h2>{escape(text)}</h2>"


def paragraph(*sentences: str) -> str:
    """Sentences that are not empty, as one paragraph; "" where none is left."""
    text = " ".join(sentence for sentence in sentences if sentence)
    return f"<p>{escape(text)}</p>" if text else ""


def figure(png: bytes, caption: str) -> str:
    """An image that lies in the page itself."""
    data, text = base64.b64encode(png).decode(), escape(caption)
    return (
        f'<figure><img src="data:image/png;base64,{data}" alt="{text}">'
        f"<figcaption>{text}</figcaption></figure>"
    )


def document(title: str, notices: Sequence[str], sections: Sequence[str]) -> str:
    """The whole page; notices stand out below the title."""
    stressed = "\n".join(f'<p class="notice">{escape(notice)}</p>' for notice in notices)
    body = "\n".join(section for section in sections if section)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{STYLE}</style>
</head>
<body>
<h1>{escape(title)}</h1>
{stressed}
{body}
</body>
</html>
"""


def _rows(rows: Sequence[Row]) -> str:
    return "".join(f"<tr>{''.join(_cell(cell) for cell in row)}</tr>" for row in rows)


def _cell(cell: Cell) -> str:
    attributes = [
        f' scope="{cell.scope}"' * bool(cell.scope),
        f' colspan="{cell.columns}"' * (cell.columns > 1),
        f' rowspan="{cell.rows}"' * (cell.rows > 1),
        ' class="paper"' * cell.paper,
    ]
    tag = "th" if cell.scope else "td"
    return f"<{tag}{''.join(attributes)}>{escape(cell.text)}</{tag}>"
