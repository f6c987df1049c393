"""The page's style sheet: light, dark and paper; one column on a phone."""

STYLE = """
:root {
  color-scheme: light dark;
  --paper: #ffffff; --sheet: #f6f7f9; --ink: #1a1d21; --soft: #575e68; --line: #dde1e6;
  --warn: #9a4a00; --warn-back: #fff5e8; --warn-line: #f0c48c; --good: #0b6b47;
  --good-back: #ecf8f2; --grid: #e6e9ed;
  --c0: #1d5fc2; --c1: #c2500a; --c2: #0a7d6c; --c3: #8a3ab9;
  --c4: #b3213c; --c5: #5d7300; --c6: #a8327f; --c7: #55606e;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --paper: #15181c; --sheet: #1d2126; --ink: #e8eaed; --soft: #a3abb6; --line: #333a43;
    --warn: #ffc078; --warn-back: #2e2416; --warn-line: #6a4d22; --good: #7fd8b0;
    --good-back: #15291f; --grid: #2b3138;
    --c0: #7db4ff; --c1: #ffa266; --c2: #52d6bf; --c3: #cfa2f5;
    --c4: #ff8fa0; --c5: #c3d55c; --c6: #f59cd2; --c7: #b4bdc9;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
  overflow-wrap: anywhere;
}
main, header, nav, footer { max-width: 72rem; margin: 0 auto; padding: 0 1.25rem; }
header { padding-top: 2.25rem; }
nav ul { list-style: none; margin: 1rem 0 0; padding: 0; display: flex; flex-wrap: wrap;
  gap: .2rem 1.1rem; font-size: .9rem; }
nav a { color: var(--c0); }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 .35rem; letter-spacing: -.015em; }
h2 { font-size: 1.25rem; margin: 2.75rem 0 .75rem; letter-spacing: -.01em; }
h3 { font-size: 1rem; margin: 1.6rem 0 .5rem; }
h4 { font-size: .9rem; margin: 1.1rem 0 .35rem; color: var(--soft); font-weight: 600; }
p { margin: .5rem 0; }
p, li { max-width: 46rem; }
.lead, .hint { color: var(--soft); }
.hint { font-size: .875rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(8.5rem, 1fr));
  gap: .75rem; margin: 1rem 0; padding: 0; list-style: none; }
.tiles li { background: var(--sheet); border-radius: .6rem; padding: .7rem .9rem; }
.tiles span { display: block; font-size: .8rem; color: var(--soft); }
.tiles b { font-size: 1.35rem; font-weight: 600; font-variant-numeric: tabular-nums;
  letter-spacing: -.01em; }
.tiles small { display: block; font-size: .75rem; color: var(--soft);
  font-variant-numeric: tabular-nums; }
.findings { list-style: none; margin: 1rem 0; padding: 0; display: grid; gap: .6rem; }
.findings li { max-width: none; border: 1px solid var(--line); border-left-width: 4px;
  border-radius: .5rem; padding: .6rem .9rem; background: var(--sheet); }
.findings .warning { border-color: var(--warn-line); background: var(--warn-back); }
.findings b { font-weight: 600; margin-right: .35rem; }
.findings .warning b.level { color: var(--warn); }
.findings .note b.level { color: var(--soft); }
.fine { border: 1px solid var(--line); background: var(--good-back); color: var(--good);
  border-radius: .5rem; padding: .6rem .9rem; max-width: none; }
.scroll { overflow-x: auto; margin: .9rem 0; border: 1px solid var(--line);
  border-radius: .6rem; -webkit-overflow-scrolling: touch; }
.scroll:focus-visible { outline: 2px solid var(--c0); outline-offset: 2px; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; overflow-wrap: normal; }
caption { text-align: left; padding: .6rem .9rem .3rem; font-weight: 600; }
th, td { text-align: left; padding: .42rem .9rem; border-top: 1px solid var(--line);
  vertical-align: top; }
thead th { color: var(--soft); font-weight: 500; font-size: .82rem; border-top: 0;
  vertical-align: bottom; }
tbody th { font-weight: 500; }
/* What a row is of stays where it is while its values scroll past. */
.scroll tr > :first-child { position: sticky; left: 0; background: var(--paper); z-index: 1;
  min-width: 8rem; max-width: 11rem; overflow-wrap: anywhere; }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
thead .n { white-space: normal; overflow-wrap: anywhere; min-width: 5.5rem; }
td small { display: block; color: var(--soft); font-size: .78rem; }
td b { font-weight: 700; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr));
  gap: 1rem; margin: .75rem 0; }
figure { margin: 0; border: 1px solid var(--line); border-radius: .6rem; padding: .8rem .8rem .5rem;
  min-width: 0; break-inside: avoid; max-width: 40rem; }
figcaption { font-size: .9rem; font-weight: 600; padding: 0 .2rem .4rem; }
svg { display: block; width: 100%; height: auto; font: 12px system-ui, sans-serif; }
svg text { fill: var(--soft); }
svg .legend text { fill: var(--ink); }
svg .grid { stroke: var(--grid); stroke-width: 1; }
svg .axis { stroke: var(--soft); stroke-width: 1; }
svg .line { fill: none; stroke: currentColor; stroke-width: 2; stroke-linejoin: round;
  stroke-linecap: round; }
svg .dashed .line, svg .line.dashed { stroke-dasharray: 6 5; }
svg .pt { fill: currentColor; }
svg .dashed .pt { fill: var(--paper); stroke: currentColor; stroke-width: 1.6; }
svg .ring { fill: none; stroke: currentColor; stroke-width: 1.5; }
svg .bar rect { fill: currentColor; }
.c0 { color: var(--c0); } .c1 { color: var(--c1); } .c2 { color: var(--c2); }
.c3 { color: var(--c3); } .c4 { color: var(--c4); } .c5 { color: var(--c5); }
.c6 { color: var(--c6); } .c7 { color: var(--c7); }
.facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 15rem), 1fr));
  gap: .1rem 1.5rem; margin: .5rem 0; font-size: .875rem; }
.facts div { display: flex; gap: .75rem; justify-content: space-between; padding: .25rem 0;
  border-bottom: 1px solid var(--line); }
.facts dt { color: var(--soft); flex: none; max-width: 65%; }
.facts dd { margin: 0; text-align: right; font-variant-numeric: tabular-nums; min-width: 0; }
.facts.wide { grid-template-columns: 1fr; }
.facts.wide div { justify-content: flex-start; }
.facts.wide dt { width: 9.5rem; max-width: 45%; }
.facts.wide dd { text-align: left; }
code { font: .82em ui-monospace, "SF Mono", Menlo, Consolas, monospace; overflow-wrap: anywhere; }
details { margin: 1rem 0; border: 1px solid var(--line); border-radius: .6rem;
  padding: .1rem 1rem .6rem; }
summary { cursor: pointer; font-weight: 600; padding: .55rem 0; }
.verdicts { list-style: none; margin: .8rem 0; padding: 0; display: grid; gap: .35rem; }
.verdicts li { max-width: 60rem; padding-left: .8rem; border-left: 3px solid var(--c0); }
.verdict { display: inline-block; min-width: 3.6rem; text-align: center; margin-left: .3rem;
  padding: 0 .3rem; border-radius: .35rem; font-size: .78rem; border: 1px solid var(--line);
  color: var(--soft); }
.verdict.better { color: var(--good); background: var(--good-back); }
.verdict.worse { color: var(--warn); background: var(--warn-back);
  border-color: var(--warn-line); }
.commands { margin: .3rem 0; padding-left: 1.1rem; font-size: .9rem; }
.commands li { max-width: none; }
.ranks tr > :first-child { min-width: 3.2rem; width: 3.2rem; padding-left: .5rem;
  padding-right: .5rem; overflow-wrap: normal; }
.ranks thead .n { min-width: 3.2rem; }
.ranks td { overflow-wrap: anywhere; }
.ranks:not(.lists) td:nth-child(2) { min-width: 6rem; }
.lists td { min-width: 9rem; width: 20%; overflow-wrap: anywhere; }
.lists thead th { overflow-wrap: anywhere; }
.user { border: 1px solid var(--line); border-radius: .6rem; padding: .2rem 1rem .8rem;
  margin: 1rem 0; }
.user h3 { color: var(--ink); margin: .9rem 0 .2rem; }
.user .scroll { margin: .5rem 0 .2rem; }
.chips { list-style: none; display: flex; flex-wrap: wrap; gap: .35rem; margin: .4rem 0;
  padding: 0; }
.chips small { color: var(--soft); font-size: .75rem; white-space: nowrap; }
.chips li { background: var(--sheet); border: 1px solid var(--line); border-radius: 1rem;
  padding: .08rem .65rem; font-size: .85rem; }
footer { color: var(--soft); font-size: .82rem; padding-top: 2rem; padding-bottom: 2.5rem; }
@media (max-width: 60rem) {
  .charts { grid-template-columns: repeat(auto-fit, minmax(min(100%, 20rem), 1fr)); }
}
@media (max-width: 34rem) {
  body { font-size: 15px; }
  main, header, nav, footer { padding-left: .9rem; padding-right: .9rem; }
  figure { padding: .6rem .35rem .35rem; }
  figcaption { padding-left: .5rem; }
  svg { font-size: 13px; }
  th, td { padding: .42rem .65rem; }
  .scroll:not(.ranks) tr > :first-child { min-width: 5rem; }
  .ranks th, .ranks td { padding: .35rem .4rem; }
  .user { padding: .2rem .7rem .8rem; }
  .tiles { grid-template-columns: repeat(2, 1fr); gap: .5rem; }
  .facts.wide div { flex-direction: column; gap: 0; }
  .facts.wide dt { width: auto; max-width: none; }
}
@media print {
  @page { margin: 12mm; }
  :root { color-scheme: light; font-size: 12px; }
  body { font-size: 8.5pt; line-height: 1.4; }
  main, header, nav, footer { max-width: none; padding: 0; }
  nav { display: none; }
  .scroll tr > :first-child { position: static; }
  header, footer { padding-top: 0; padding-bottom: 0; }
  h2 { margin: 1.4rem 0 .4rem; }
  h3, h4 { margin: .7rem 0 .2rem; }
  .charts { grid-template-columns: 1fr 1fr; gap: .6rem; }
  .scroll { overflow: visible; margin: .5rem 0; }
  th, td { padding: .16rem .5rem; }
  caption { padding: .3rem .5rem .1rem; }
  .lists td { min-width: 0; }
  .facts, .facts.wide, code { font-size: 7pt; }
  .facts { grid-template-columns: repeat(3, 1fr); gap: 0 1rem; margin: .2rem 0; }
  .facts.wide { grid-template-columns: 1fr; }
  .facts div { padding: .04rem 0; }
  .chips { gap: .2rem; }
  .chips li { padding: 0 .45rem; font-size: 7pt; }
  .tiles { gap: .4rem; margin: .5rem 0; grid-template-columns: repeat(6, 1fr); }
  .tiles li { padding: .35rem .5rem; }
  .tiles b { font-size: 1.1rem; }
  .user { margin: .5rem 0; padding: .1rem .7rem .4rem; }
  .ranks table { font-size: 7.5pt; }
  h2, h3, h4, caption { break-after: avoid; }
  tr, .user, .findings li, .tiles li { break-inside: avoid; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
"""
