"""The look of the HTML report, light and dark."""

STYLE = """
:root { color-scheme: light dark; --ink: #1d2329; --soft: #5c6770; --line: #dde3e8; --paper: #ffffff;
  --wash: #f4f7f9; --blue: #2a6f97; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e9ed; --soft: #9aa7b1; --line: #333d45;
  --paper: #14191d; --wash: #1c2329; --blue: #7fb8da; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 70rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; } h2 { font-size: 1.15rem; margin: 2.75rem 0 .5rem; }
p { margin: .4rem 0; max-width: 46rem; } .soft, caption, figcaption, footer { color: var(--soft); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: .75rem;
  margin: 1.5rem 0; }
.tile { background: var(--wash); border-radius: .6rem; padding: .9rem 1.1rem; }
.tile b { display: block; font-size: 1.9rem; line-height: 1.15; font-variant-numeric: tabular-nums; }
.tile.main b { color: var(--blue); } .tile span { color: var(--soft); font-size: .85rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .88rem; min-width: 60%; }
caption { text-align: left; padding: 0 .55rem .3rem; font-size: .85rem; }
th, td { text-align: right; padding: .28rem .55rem; border-bottom: 1px solid var(--line);
  white-space: nowrap; }
th:first-child, td:first-child, td.text, th.text { text-align: left; }
th { color: var(--soft); font-weight: 600; white-space: normal; vertical-align: bottom; }
tr.total td { font-weight: 700; border-top: 2px solid var(--line); }
tr.ours td { font-weight: 700; color: var(--blue); }
figure { margin: 0; } figure.wide { grid-column: 1 / -1; }
figure img { display: block; width: 100%; height: auto; background: #fff;
  border: 1px solid var(--line); border-radius: .5rem; padding: .5rem; }
figcaption { font-size: .88rem; margin: .4rem 0 0; } figcaption b { color: var(--ink); }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(27rem, 100%), 1fr));
  gap: 1.75rem; align-items: start; }
details { margin-top: 1rem; } pre { overflow-x: auto; background: var(--wash); padding: 1rem;
  border-radius: .5rem; font-size: .8rem; }
footer { margin-top: 3rem; font-size: .85rem; } code { font-size: .85em; word-break: break-all; }
"""
