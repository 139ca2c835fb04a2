/** What is asked of a registry of prom-client 14 or 15, whichever copy of it made it. */
export interface MetricsRegistry {
  registerMetric(metric: object): void
  getSingleMetric(name: string): object | undefined
  removeSingleMetric(name: string): void
}

/** One line of the exposition. */
export interface Sample {
  readonly labels: Readonly<Record<string, string | number>>
  readonly value: number
  /** Only where it is not the metric's own: the parts of a histogram. */
  readonly metricName?: string
}

export interface MetricValues {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly values: readonly Sample[]
  /** How prom-client's `AggregatorRegistry` puts the workers of a cluster together. */
  readonly aggregator: 'sum'
}

/**
 * A metric that has no value until it is asked for one: what prom-client's own classes do with `collect`,
 * without keeping a copy of each number. It stands in a registry as one of those.
 */
export class ReadMetric {
  /** For OpenMetrics, prom-client takes `_total` off before it asks. */
  name: string
  readonly help: string
  readonly type: MetricValues['type']
  readonly #read: (name: string) => readonly Sample[]
  /** By its name, since ES module and CommonJS, or two versions, may meet at one registry. */
  readonly stopPoolkeeper: () => void

  constructor(name: string, help: string, type: MetricValues['type'], read: (name: string) => readonly Sample[], stop: () => void) {
    this.name = name
    this.help = help
    this.type = type
    this.#read = read
    this.stopPoolkeeper = stop
  }

  // Called for all metrics of a registry within one turn, and awaited after that.
  async get(): Promise<MetricValues> {
    const { name, help, type } = this
    return { name, help, type, values: this.#read(name), aggregator: 'sum' }
  }

  /** Nothing is kept here; what a keeper has counted stays. */
  reset(): void {}
}

/** What takes the metrics away again, where some copy of this package has put them there already. */
export function stopOf(metric: object | undefined): (() => void) | undefined {
  return (metric as Partial<ReadMetric> | undefined)?.stopPoolkeeper
}
