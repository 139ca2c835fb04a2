/** How long a run takes, against how much its figures are worth. */
export interface Scale {
  readonly pairs: number
  /** One measurement of the recycling benchmark. */
  readonly recyclingMillis: number
}

export const FULL: Scale = { pairs: 31, recyclingMillis: 5_000 }

/** Shows that everything runs; its figures are not for quoting. */
export const QUICK: Scale = { pairs: 7, recyclingMillis: 2_500 }
