import { copyFileSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe } from 'vitest'
import { startOwnServer } from './own-server.ts'
import { LOOPBACK } from './ports.ts'
import { findProgram } from './programs.ts'
import type { DescribeServer } from './require-server.ts'
import { isReachableByOthers, makeTemporaryFolder, type TemporaryFolder } from './temporary-folder.ts'
import { UNPRIVILEGED } from './unprivileged.ts'

export interface PrometheusOptions {
  /** Ports on this machine that are scraped, each by the name of its job. */
  readonly targets: Readonly<Record<string, number>>
  /** The text of a file of rules. */
  readonly rules: string
  /** Between two scrapes, and between two looks at the rules. */
  readonly intervalMillis: number
}

export interface Series {
  readonly metric: Readonly<Record<string, string>>
  /** Seconds, and a number as text. */
  readonly value: readonly [at: number, value: string]
}

export interface Alert {
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly state: 'pending' | 'firing'
}

export interface PrometheusServer {
  /** What an expression gives now; rejects with what the server has against it. */
  query(expression: string): Promise<Series[]>
  /** The values that a label has in what a selector selects. */
  labelValues(label: string, selector: string): Promise<string[]>
  /** Those that are pending or firing. */
  alerts(): Promise<Alert[]>
  stop(): Promise<void>
}

/** Where the bootstrap unpacks it; Debian's package would install a service. */
const UNPACKED = fileURLToPath(new URL('../../node_modules/.prometheus/usr/bin', import.meta.url))

/** The path of Debian's `prometheus`, or of its `promtool`; throws where it is not. */
export function prometheusProgram(name: 'prometheus' | 'promtool'): string {
  const unpacked = join(UNPACKED, name)
  return existsSync(unpacked) ? unpacked : findProgram(name)
}

/** Without Prometheus the tests inside are skipped, also where no server may be missing: it is none that pools lead to. */
export function requirePrometheus(): DescribeServer {
  try {
    prometheusProgram('prometheus')
    prometheusProgram('promtool')
    return describe
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return (title, body) => describe.skip(`${title} (skipped, ${reason})`, body)
  }
}

export async function startPrometheus(options: PrometheusOptions): Promise<PrometheusServer> {
  const installed = prometheusProgram('prometheus')
  const folder = makeTemporaryFolder()
  const file = runnable(installed, folder)
  let url = ''
  const own = await startOwnServer(folder, (port) => {
    url = `http://${LOOPBACK}:${port}`
    const at = url
    const settings = {
      'config.file': configure(options, folder),
      'storage.tsdb.path': join(folder.path, 'data'),
      'web.listen-address': `${LOOPBACK}:${port}`,
      'log.level': 'warn',
    }
    const args = Object.entries(settings).map(([name, value]) => `--${name}=${value}`)
    const command = { file, args, folder, endSignal: 'SIGKILL' } as const
    return { name: 'Prometheus', command, ping: () => isReady(at) }
  })
  return {
    query: async (query) => (await ask<{ result: Series[] }>(url, 'query', { query })).result,
    labelValues: (label, selector) => ask<string[]>(url, `label/${label}/values`, { 'match[]': selector }),
    alerts: async () => (await ask<{ alerts: Alert[] }>(url, 'alerts', {})).alerts,
    stop: () => own.stop(),
  }
}

/** A checkout may lie where the user that servers run as does not come. */
function runnable(program: string, folder: TemporaryFolder): string {
  if (UNPRIVILEGED === undefined || isReachableByOthers(program)) return program
  const copy = join(folder.path, 'prometheus')
  copyFileSync(program, copy)
  return copy
}

/** It reads JSON as well, which is YAML. */
function configure({ intervalMillis, rules, targets }: PrometheusOptions, folder: TemporaryFolder): string {
  const interval = `${intervalMillis}ms`
  return folder.write(
    'prometheus.yml',
    JSON.stringify({
      global: { scrape_interval: interval, scrape_timeout: interval, evaluation_interval: interval },
      rule_files: [folder.write('rules.yml', rules)],
      scrape_configs: Object.entries(targets).map(([job, port]) => ({
        job_name: job,
        static_configs: [{ targets: [`${LOOPBACK}:${port}`] }],
      })),
    }),
  )
}

async function isReady(url: string): Promise<void> {
  const { status } = await fetch(`${url}/-/ready`)
  if (status !== 200) throw new Error(`/-/ready: ${status}`)
}

async function ask<T>(url: string, path: string, parameters: Readonly<Record<string, string>>): Promise<T> {
  const response = await fetch(`${url}/api/v1/${path}?${String(new URLSearchParams(parameters))}`)
  const { data, error } = (await response.json()) as { data?: T; error?: string }
  if (data === undefined) throw new Error(`${path}: ${error ?? response.status}`)
  return data
}
