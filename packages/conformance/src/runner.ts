/** What a test may say about a value; the part of vitest's `expect` that the behaviours use. */
export interface Matchers {
  readonly not: Matchers
  toBe(expected: unknown): void
  toEqual(expected: unknown): void
  toMatchObject(expected: object): void
  toContain(item: unknown): void
  toHaveLength(length: number): void
  toBeDefined(): void
  toBeLessThan(limit: number): void
  toBeLessThanOrEqual(limit: number): void
  toBeGreaterThan(limit: number): void
  toBeGreaterThanOrEqual(limit: number): void
}

export type Expect = (actual: unknown, message?: string) => Matchers

/** The test runner, injected: vitest's own functions fit. */
export interface Runner {
  readonly describe: (title: string, body: () => void) => void
  readonly test: (title: string, body: () => Promise<void>) => void
  readonly expect: Expect
}
