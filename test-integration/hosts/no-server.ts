import type { Network, ServerDoor } from '@poolkeeper/conformance'

const none = (): never => {
  throw new Error('SQLite has neither a server nor a network')
}

/** For a database that lives in this process. */
export const NO_SERVER: ServerDoor = { connections: none, kill: none, killUnseen: none }

/** Nothing to break, and nothing open in it. */
export const NO_NETWORK: Network = {
  openConnections: 0,
  blackhole: none,
  delay: none,
  refuse: none,
  cut: none,
  heal: () => {},
}
