/** Where a server is, for its users and for who looks after it. */
export interface ServerAddress {
  readonly url: string
  /** The same as `url` when the server is external. */
  readonly adminUrl: string
}

/** How a server goes down before it comes up again: telling its clients, or not. */
export type ShutdownMode = 'fast' | 'immediate'

/** The address that the environment names, unless the caller needs a server of its own. */
export function externalAddress(variable: string, options: object): ServerAddress | undefined {
  const url = process.env[variable]
  if (url === undefined || url === '' || Object.keys(options).length > 0) return undefined
  return { url, adminUrl: url }
}
