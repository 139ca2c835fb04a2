import { html, type Markup } from './html.ts'
import { STYLE } from './style.ts'

/** What stands on a page. */
export interface Page {
  readonly title: string
  /** In addition to that of all reports. */
  readonly style: Markup
  /** Before what is shown: symbols that pictures use. */
  readonly symbols?: Markup
  readonly main: Markup
}

/** One file that asks for nothing else, and runs nothing. */
export function renderPage({ main, style, symbols, title }: Page): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${title}</title>
<style>${STYLE}${style}</style>
</head>
<body>
${symbols}
<main>
${main}
</main>
</body>
</html>
`.text
}
