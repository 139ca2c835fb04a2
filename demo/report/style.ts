import { Markup } from '../../report/html.ts'

export const MARKS_STYLE: Markup = new Markup(`
text.moment { fill: var(--ink); }
line.moment { stroke: var(--ink); stroke-dasharray: 3 3; }
.trouble { fill: var(--trouble); }
.ok { fill: none; stroke: var(--ok); stroke-width: 4px; stroke-linecap: round; vector-effect: non-scaling-stroke; }
.paid { fill: none; stroke: var(--ok); stroke-width: 1.5px; }
.error { fill: none; stroke: var(--error); stroke-width: 1.75px; }
.unanswered { fill: none; stroke: var(--unanswered); stroke-width: 1.5px; }
.key .swatch { fill: var(--trouble); stroke: var(--unanswered); stroke-width: .5px; }
.errors { padding-left: 1.25rem; font-size: .85rem; }
.notes { list-style: none; padding: 0; margin: .5rem 0; overflow-wrap: anywhere; }
.notes li { display: flex; gap: .75rem; }
.notes .at { flex: 0 0 5rem; text-align: right; color: var(--soft); font-variant-numeric: tabular-nums; }
`)
