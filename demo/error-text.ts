/** An error and its causes, outermost first, as one line a person can read. */
export function textOf(error: unknown): string {
  const links: string[] = []
  let current = error
  // A chain of causes may be made circular by anybody.
  for (let depth = 0; depth < 5 && current != null; depth += 1) {
    links.push(describe(current))
    current = typeof current === 'object' ? (current as { cause?: unknown }).cause : undefined
  }
  return links.join(' ← ')
}

function describe(link: unknown): string {
  if (!(link instanceof Error)) return String(link)
  const { code } = link as { code?: unknown }
  const named = typeof code === 'string' && !link.message.includes(code) ? `${link.name} ${code}` : link.name
  return link.message === '' ? named : `${named}: ${link.message}`
}
