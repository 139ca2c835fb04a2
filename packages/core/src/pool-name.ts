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

/** Which database a pool leads to, in the words of OpenTelemetry's conventions; what is not known is left out. */
export interface PoolServer {
  /** `postgresql`, `mysql`, `redis` … */
  readonly system: string
  readonly address?: string
  readonly port?: number
  /** The database's name; for Redis, its number. */
  readonly namespace?: string
}

/**
 * Where a pool leads to, for metrics; never a user or a password.
 *
 * @param settings - as for `derivePoolName`
 */
export function describeServer(system: string, settings: Readonly<Record<string, unknown>> = {}): PoolServer {
  const { host, port, database }: Record<string, unknown> = { ...fromUrl(settings['connectionString']), ...settings }
  const number = isName(port) ? Number(port) : NaN
  return Object.freeze({
    system,
    ...(isName(host) && { address: String(host) }),
    ...(Number.isInteger(number) && { port: number }),
    ...(isName(database) && { namespace: String(database) }),
  })
}

function isName(part: unknown): part is string | number {
  return (typeof part === 'string' && part !== '') || typeof part === 'number'
}

function fromUrl(url: unknown): Readonly<Record<string, unknown>> {
  if (typeof url !== 'string' || !URL.canParse(url)) return {}
  const { hostname, port, pathname } = new URL(url)
  return { host: hostname, port, database: pathname.slice(1) }
}
