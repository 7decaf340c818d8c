"""A scan as a page of its own: measures, warnings and all slices, without a server or a script."""

import base64
from html import escape

from acsnet import NOTICE
from acsnet.labels import LABELS
from acsnet.report.findings import headline
from acsnet.report.montage import montage_png
from acsnet.report.wording import doubt_sentences, has_scar_number, measure_rows
from acsnet.result import Measured

STYLE = """
body { margin: 0 auto; max-width: 60rem; padding: 1rem; color: #1b1f24; background: #ffffff;
  font: 16px/1.5 system-ui, sans-serif; }
.notice { color: #8a1f11; font-weight: 600; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 0.2rem 0.8rem 0.2rem 0; text-align: left; font-weight: 400; }
td:nth-child(2) { text-align: right; }
img { max-width: 100%; }
.label { display: inline-block; margin-right: 1rem; }
.label i { display: inline-block; width: 0.9em; height: 0.9em; margin-right: 0.3em; }
"""


def case_page(result: Measured, files: tuple[str, ...]) -> str:
    """The page as HTML; files: names beside it that it links to."""
    features = result.features_dict()
    rows = "".join(
        f"<tr><th scope='row'>{escape(row.name)}</th><td>{escape(row.values[0])}</td>"
        f"<td>{escape(row.unit)}</td></tr>"
        for row in measure_rows([features])
    )
    unassessed = "" if has_scar_number(features) else headline(features, "drawn").note
    scar = f"<p>Scar: {escape(unassessed)}.</p>" if unassessed else ""
    doubts = doubt_sentences(features)
    warnings = "".join(f"<li>{escape(text)}</li>" for text in doubts)
    legend = "".join(
        f"<span class='label'><i style='background:rgb{info.colour}'></i>"
        f"{escape(info.description)}</span>"
        for info in LABELS
    )
    links = ", ".join(f"<a href='{escape(name)}'>{escape(name)}</a>" for name in files)
    picture = base64.b64encode(montage_png(result.scan, result.labels)).decode()
    name = escape(result.scan.name)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{name} - ACSNet</title>
<style>{STYLE}</style></head>
<body><h1>{name}</h1><p class="notice">{escape(NOTICE)}</p>
<h2>Measures</h2><table>{rows}</table>{scar}
<h2>Warnings</h2><ul>{warnings or "<li>none</li>"}</ul>
<h2>All slices, apex first</h2><p>{legend}</p>
<img src="data:image/png;base64,{picture}"
alt="Each slice without and with the outlines of the labels">
<p>Files: {links}</p></body></html>
"""
