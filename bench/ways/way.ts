/** One way to ask a server something; each is measured in a process of its own. */
export interface Way {
  /** The question of this number. */
  ask(number: number): Promise<unknown>
}

/** Makes it, ready to be asked by so many at once. */
export type OpenWay = (url: string, callers: number) => Promise<Way>

/** How many ask at once, each his next question when the last was answered. */
export const CALLERS = { sequential: 1, ten: 10, hundred: 100 } as const
export type Load = keyof typeof CALLERS

export const LOAD_TITLES: Readonly<Record<Load, string>> = {
  sequential: 'one caller, sequential',
  ten: '10 callers',
  hundred: '100 callers',
}
