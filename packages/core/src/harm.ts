/**
 * How much an error says about the connection it came from. `statement`: the server answered,
 * only the statement failed. `connection`: this connection is lost. `server`: the server is going
 * away or has changed its role, so its other connections are in doubt as well.
 */
export type Harm = 'statement' | 'connection' | 'server'

export interface RetireOnOptions {
  /**
   * Judges errors of statements in your own way: called with each error and the built-in judgement,
   * it returns a judgement of its own, or nothing to leave it at that.
   *
   * `'statement'` keeps the connection; `'connection'` retires it; `'server'` retires it and makes
   * all others prove themselves. Not asked when a socket dies. A function that throws is reported as
   * a process warning, and the built-in judgement stands.
   *
   * @defaultValue the built-in judgement: PostgreSQL 57P01 to 57P03 and 25006, MySQL 1053, 1290, 1792
   * and 1836, Redis READONLY, LOADING, CLUSTERDOWN and MASTERDOWN are the server's; other FATAL and 08xxx errors,
   * MySQL 1927, 2006, 2013, 2055 and 4031, Redis NOAUTH, and socket errors are the connection's; all others are the
   * statement's
   */
  readonly retireOn?: (error: unknown, judged: Harm) => Harm | undefined
}
