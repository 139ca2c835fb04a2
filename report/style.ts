import { Markup } from './html.ts'

/** What all reports look like, in the light and in the dark, on a phone and on paper. */
export const STYLE: Markup = new Markup(`
:root { color-scheme: light dark; --paper: #fff; --ink: #1c2330; --soft: #5a6475; --line: #dde2ea; --card: #f6f8fb;
  --ok: #2563c9; --error: #c8232c; --unanswered: #b45309; --trouble: #f59e0b24; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #11151c; --ink: #e6eaf1; --soft: #9aa6b8; --line: #2b3442; --card: #181e28;
    --ok: #6ea8fe; --error: #ff7b72; --unanswered: #f2b04c; --trouble: #f59e0b26; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .5rem; }
h2 { font-size: 1.25rem; line-height: 1.3; margin: 3rem 0 .25rem; }
h3 { font-size: 1rem; margin: 1.25rem 0 .5rem; }
p { margin: .5rem 0; max-width: 46rem; }
.soft { color: var(--soft); font-size: .875rem; }
.scroll { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--soft); padding-bottom: .25rem; }
th, td { padding: .3rem .75rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th:first-child { text-align: left; padding-left: 0; white-space: normal; vertical-align: top; }
th:last-child, td:last-child { padding-right: 0; }
thead th { color: var(--soft); font-weight: 600; }
thead th { white-space: normal; vertical-align: bottom; }
tbody th { font-weight: 400; }
a { color: inherit; }
.chart { margin: 0 1rem .5rem 3.75rem; }
.chart svg { display: block; width: 100%; overflow: visible; }
text { fill: var(--soft); font-size: 12px; }
.grid { stroke: var(--line); }
.tick { stroke: var(--soft); }
.key { display: flex; flex-wrap: wrap; gap: .25rem 1.5rem; list-style: none; margin: .75rem 0; padding: 0;
  font-size: .9rem; }
.key svg { width: 14px; height: 14px; vertical-align: -1px; margin-right: .3rem; overflow: visible; }
code { font: .85rem/1.45 ui-monospace, monospace; overflow-wrap: anywhere; }
details { margin: .75rem 0; padding: .4rem .9rem; background: var(--card); border-radius: 6px; font-size: .9rem; }
summary { cursor: pointer; }
@media (max-width: 30rem) { th, td { padding: .3rem .4rem; } table { font-size: .85rem; } .of { display: none; } }
@media print { details { break-inside: avoid; } .chart { break-inside: avoid; } }
`)
