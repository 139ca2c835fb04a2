/**
 * The conventions' names, as of version 1.45, in one place: they are still in development, and change.
 * Not imported from `@opentelemetry/semantic-conventions`, whose incubating part breaks in minor versions.
 */
export const COUNT = 'db.client.connection.count'
export const IDLE_MAX = 'db.client.connection.idle.max'
export const IDLE_MIN = 'db.client.connection.idle.min'
export const LIMIT = 'db.client.connection.limit'
/** What `LIMIT` was called until 1.44. */
export const MAX = 'db.client.connection.max'
export const PENDING_REQUESTS = 'db.client.connection.pending_requests'
export const TIMEOUTS = 'db.client.connection.timeouts'
export const CREATE_TIME = 'db.client.connection.create_time'
export const WAIT_TIME = 'db.client.connection.wait_time'
export const USE_TIME = 'db.client.connection.use_time'

export const POOL_NAME = 'db.client.connection.pool.name'
export const CONNECTION_STATE = 'db.client.connection.state'
export const SYSTEM_NAME = 'db.system.name'
export const NAMESPACE = 'db.namespace'
export const SERVER_ADDRESS = 'server.address'
export const SERVER_PORT = 'server.port'

export const ERROR_TYPE = 'error.type'

/** A wait for a connection is no span of the conventions; they have its duration as a metric. */
export const WAIT_SPAN = 'db.client.connection.wait'

/** What the conventions have no name for is in a namespace of our own, as they ask for. */
export const OWN = 'poolkeeper'
export const OUTCOME = 'poolkeeper.outcome'
export const REASON = 'poolkeeper.reason'
export const STATE = 'poolkeeper.state'
export const WOULD = 'poolkeeper.would'

/** The instrumentation scope. */
export const SCOPE = '@poolkeeper/opentelemetry'
