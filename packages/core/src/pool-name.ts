/**
 * A name for a pool that its user gave none: the kind of database, its address and its name; never a
 * user or a password.
 *
 * @param settings - as drivers take them: `host`, `port`, `database` or `filename`, or all in a
 * `connectionString`
 */
export function derivePoolName(kind: string, settings: Readonly<Record<string, unknown>> = {}): string {
  const { host, port, database, filename }: Record<string, unknown> = { ...fromUrl(settings['connectionString']), ...settings }
  const address = [host, port].filter((part) => isName(part)).join(':')
  const place = [address, database, filename].filter((part) => isName(part)).join('/')
  return `${kind} ${place}`.trim().slice(0, 200)
}

function isName(part: unknown): part is string | number {
  return (typeof part === 'string' && part !== '') || typeof part === 'number'
}

function fromUrl(url: unknown): Readonly<Record<string, unknown>> {
  if (typeof url !== 'string' || !URL.canParse(url)) return {}
  const { hostname, port, pathname } = new URL(url)
  return { host: hostname, port, database: pathname.slice(1) }
}
