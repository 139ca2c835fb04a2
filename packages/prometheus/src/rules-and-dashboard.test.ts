import { readFileSync } from 'node:fs'
import { CLOSE_REASONS, forgetKeeper, registerKeeper } from '@poolkeeper/core'
import { simulatePool } from '@poolkeeper/core/testing'
import { Registry } from 'prom-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { collectPools } from './collect-pools.ts'

interface Panel {
  readonly id: number
  readonly title: string
  readonly type: string
  readonly gridPos: Readonly<Record<'h' | 'w' | 'x' | 'y', number>>
  readonly targets?: readonly { readonly expr: string; readonly datasource: unknown }[]
}

interface Variable {
  readonly name: string
  readonly definition?: string
}

const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')
const rules = read('rules/poolkeeper.rules.yml')
const ruleTests = read('rules/poolkeeper.rules.test.yml')
const { panels, templating } = JSON.parse(read('grafana/poolkeeper.dashboard.json')) as {
  readonly panels: readonly Panel[]
  readonly templating: { readonly list: readonly Variable[] }
}
const expressions = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))
const definitions = templating.list.flatMap(({ definition = [] }) => definition)
const everything = [rules, ruleTests, ...expressions, ...definitions].join('\n')

const host = {}
let exported: string

beforeAll(async () => {
  registerKeeper(host, simulatePool().keeper, {})
  const registry = new Registry()
  collectPools(registry)
  exported = await registry.metrics()
})
afterAll(() => forgetKeeper(host))

const found = (text: string, pattern: RegExp): string[] => [...new Set([...text.matchAll(pattern)].map(([, one = '']) => one))]

/** The values that a label has in the series of a metric; none where it has no such label. */
function valuesOf(metric: string, label: string): string[] {
  const lines = exported.split('\n').filter((line) => line.startsWith(`${metric}{`))
  return lines.flatMap((line) => found(line, new RegExp(`[{,]${label}="([^"]*)"`, 'g')))
}

test('every metric that the rules, their tests and the dashboard name is exported', () => {
  const named = found(everything, /\b(poolkeeper_pool_\w+)/g)
  expect(named.length).toBeGreaterThan(15)
  const there = new Set(found(exported, /^(\w+)\{/gm))
  // Where a text speaks of a histogram as a whole.
  for (const name of found(exported, /^# TYPE (\w+) histogram/gm)) there.add(name)
  expect(named.filter((name) => !there.has(name))).toEqual([])
})

test('every label that they select by exists, with the values that they ask for', () => {
  const asked = [...everything.matchAll(/\b(poolkeeper_pool_\w+)\{([^}]*)\}/g)].flatMap(([, metric = '', matchers = '']) =>
    [...matchers.matchAll(/(\w+)(=~|!=|=)\s*"([^"]*)"/g)].map(([, label = '', , values = '']) => ({ metric, label, values: values.split('|') })),
  )
  // What Prometheus adds to a target, and what belongs to a pool.
  const own = asked.filter(({ label }) => !['job', 'instance', 'pool', 'server', 'system', 'database', 'le'].includes(label))
  expect(own.length).toBeGreaterThan(20)
  const wrong = own.filter(({ metric, label, values }) => values.some((value) => !valuesOf(metric, label).includes(value)))
  expect(wrong).toEqual([])
})

test('every recording that is used is made', () => {
  const made = found(rules, /- record: (\S+)/g)
  const used = found(everything, /\b(poolkeeper:[\w:]+)/g)
  expect(used.filter((name) => !made.includes(name))).toEqual([])
  expect(new Set(made).size).toBe(made.length)
})

test('every alert has a test that it fires and one that it does not', () => {
  const alerts = found(rules, /- alert: (\w+)/g)
  expect(alerts.length).toBeGreaterThan(5)
  for (const alert of alerts) {
    const outcomes = found(ruleTests, new RegExp(`alertname: ${alert}\\n\\s+eval_time: \\w+\\n\\s+exp_alerts:( \\[\\])?`, 'g'))
    expect({ alert, outcomes: outcomes.sort() }).toEqual({ alert, outcomes: ['', ' []'] })
  }
})

test('a close reason is told by its own name', () => {
  expect(valuesOf('poolkeeper_pool_closes_total', 'reason')).toEqual([...CLOSE_REASONS])
})

describe('the dashboard', () => {
  test('asks the data source that its user chooses, for the pools that he chooses', () => {
    expect(templating.list.map(({ name }) => name)).toEqual(['datasource', 'job', 'instance', 'pool'])
    for (const { targets = [] } of panels) for (const { datasource } of targets) expect(datasource).toEqual({ type: 'prometheus', uid: '${datasource}' })
    for (const expr of expressions) {
      const selectors = expr.match(/poolkeeper_pool_\w+(\{[^}]*\})?/g) ?? []
      for (const selector of selectors) expect(selector).toContain('{job=~"$job", instance=~"$instance", pool=~"$pool"')
    }
  })

  test('has panels side by side, none over another', () => {
    const cells = panels.flatMap(({ gridPos: { h, w, x, y } }) =>
      Array.from({ length: h * w }, (_, index) => `${x + (index % w)}/${y + Math.floor(index / w)}`),
    )
    expect(new Set(cells).size).toBe(cells.length)
    expect(Math.max(...panels.map(({ gridPos: { w, x } }) => x + w))).toBe(24)
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
    expect(panels.filter(({ type, targets = [] }) => (type === 'row') !== (targets.length === 0))).toEqual([])
  })
})
