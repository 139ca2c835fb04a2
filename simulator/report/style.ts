import { Markup } from '../../report/html.ts'

/** Colours that differ in brightness as well, by the place of a policy in the list. */
export const CHART_STYLE: Markup = new Markup(`
:root { --in-use: #2563c9; --open: #2563c933; --p0: #1c2330; --p1: #b45309; --p2: #2563c9; --p3: #0f8a5f; --p4: #a23fb0; --p5: #5a6475; }
@media (prefers-color-scheme: dark) {
  :root { --in-use: #6ea8fe; --open: #6ea8fe33; --p0: #e6eaf1; --p1: #f2b04c; --p2: #6ea8fe; --p3: #4ccf9d; --p4: #d58be0; --p5: #9aa6b8; }
}
.line { fill: none; stroke-width: 1.5px; vector-effect: non-scaling-stroke; stroke-linejoin: round; }
.in-use { fill: var(--in-use); stroke: none; }
.open { fill: var(--open); stroke: var(--in-use); stroke-width: 1px; vector-effect: non-scaling-stroke; }
.flash { fill: var(--trouble); stroke: var(--unanswered); stroke-width: .5px; }
${Array.from({ length: 6 }, (_, index) => `.p${index} { stroke: var(--p${index}); }`).join('\n')}
`)
