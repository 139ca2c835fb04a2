import { PoolkeeperError, type PoolCredentials } from '@poolkeeper/core'

type Settings = Readonly<Record<string, unknown>>

/** What the driver connects with: the user's settings, but for the user and the password. */
export function settingsWith(settings: Settings | undefined, { user, password }: PoolCredentials): Settings {
  const { connectionString } = settings ?? {}
  const given = { ...settings, ...(user !== undefined && { user }), password }
  // For `pg`, what stands in a connection string beats what stands beside it.
  return typeof connectionString === 'string' ? { ...given, connectionString: urlWith(connectionString, given) } : given
}

function urlWith(text: string, { user, password }: { readonly user?: unknown; readonly password: string }): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  // A URL without a host takes no password.
  if (url === undefined || url.host === '') {
    throw new PoolkeeperError(
      'UNSUPPORTED_HOST',
      'credentials: the `connectionString` of this pool is no URL with a host; give host, port and database one by one',
    )
  }
  if (typeof user === 'string') url.username = encodeURIComponent(user)
  url.password = encodeURIComponent(password)
  return url.href
}
