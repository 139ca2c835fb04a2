/** The user (and its group) that servers run as. */
export interface SystemUser {
  readonly uid: number
  readonly gid: number
}

const NOBODY: SystemUser = { uid: 65_534, gid: 65_534 }

/** PostgreSQL, MariaDB and PgBouncer refuse to run as root; for anybody else this is `undefined`. */
export const UNPRIVILEGED: SystemUser | undefined = process.getuid?.() === 0 ? NOBODY : undefined
