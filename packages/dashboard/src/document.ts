import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

/** In the order in which they need each other. */
const MODULES = ['format.js', 'elements.js', 'chart.js', 'tables.js', 'controls.js', 'card.js', 'main.js']

export interface Document {
  readonly html: string
  readonly contentSecurityPolicy: string
}

/**
 * The whole page as one document: nothing is loaded, so that no address has to be right, and what may run is what has
 * the hash of what is shipped, and nothing else.
 *
 * The files lie in `page/`, beside the sources as beside what is built from them.
 */
export function documentOf(title: string): Document {
  const style = fileOf('page.css')
  const script = MODULES.map(fileOf).map(withoutImports).join('\n')
  // A function each: in a text, `$&` would mean something.
  const html = fileOf('page.html')
    .replaceAll('{{title}}', () => escaped(title))
    .replace('{{style}}', () => style)
    .replace('{{script}}', () => script)
  return { html, contentSecurityPolicy: policyOf(style, script) }
}

function fileOf(name: string): string {
  return readFileSync(new URL(`./page/${name}`, import.meta.url), 'utf8')
}

/** Their names are all different, so that one script can be all of them. */
function withoutImports(module: string): string {
  return module.replaceAll(/^import .*\n/gm, '').replaceAll(/^export /gm, '')
}

function policyOf(style: string, script: string): string {
  return [
    "default-src 'none'",
    `script-src '${hashOf(script)}'`,
    `style-src '${hashOf(style)}'`,
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; ')
}

function hashOf(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`
}

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
