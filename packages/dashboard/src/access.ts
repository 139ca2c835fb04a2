import type { Ask } from './ask.ts'
import type { DashboardAuthorize, DashboardOperation, DashboardRefusal, DashboardSettings } from './options.ts'

export const FORBIDDEN: DashboardRefusal = Object.freeze({ status: 403 })

/** A proxy on this machine would make everybody local. Not every proxy says that it is one: hence the rest. */
const OF_PROXIES = ['forwarded', 'via', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-real-ip']
/** A name that leads here today may be a stranger's, whose page asks us in the name of its reader (DNS rebinding). */
const LOCAL_HOST = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/i

/** Who may see, where nobody was asked: whoever sits at this machine, while it is no server of a production. */
export function isAtThisMachine(ask: Ask): boolean {
  if (!ask.isLocal || process.env['NODE_ENV'] === 'production') return false
  return LOCAL_HOST.test(ask.header('host') ?? '') && OF_PROXIES.every((name) => ask.header(name) === undefined)
}

/** `undefined`: come in. */
export async function refusalOf(
  ask: Ask,
  { authorize, operations }: Pick<DashboardSettings, 'authorize' | 'operations'>,
  action: 'view' | DashboardOperation,
  pool?: string,
): Promise<DashboardRefusal | undefined> {
  if (action !== 'view' && !operations.includes(action)) return FORBIDDEN
  if (authorize === undefined) return action === 'view' && isAtThisMachine(ask) ? undefined : FORBIDDEN
  const answer = await answerOf(authorize, ask, action, pool)
  if (answer === true) return undefined
  return isRefusal(answer) ? answer : FORBIDDEN
}

/** Those that were told of: where one fails, it fails at every request, and anybody can make those. */
const complainedOf = new WeakSet<DashboardAuthorize>()

async function answerOf(
  authorize: DashboardAuthorize,
  ask: Ask,
  action: 'view' | DashboardOperation,
  pool: string | undefined,
): Promise<unknown> {
  try {
    return await authorize({ action, pool, request: ask.request, header: (name) => ask.header(name) })
  } catch (error) {
    complain(authorize, error)
    return false
  }
}

/** Or nobody would learn why he may not come in. */
function complain(authorize: DashboardAuthorize, error: unknown): void {
  if (complainedOf.has(authorize)) return
  complainedOf.add(authorize)
  process.emitWarning(`authorize() of the dashboard failed: ${String(error)}`, {
    type: 'PoolkeeperWarning',
    code: 'POOLKEEPER_AUTHORIZE_FAILED',
  })
}

function isRefusal(answer: unknown): answer is DashboardRefusal {
  const { status } = (answer ?? {}) as Partial<DashboardRefusal>
  return typeof status === 'number' && Number.isInteger(status) && status >= 300 && status <= 599
}

/**
 * Whether another site's page may have made a browser send this. Browsers say where a request comes from, to
 * servers that they trust; to others they send the origin along with every POST.
 */
export function isForeign(ask: Ask): boolean {
  const site = ask.header('sec-fetch-site')
  if (site !== undefined) return site !== 'same-origin'
  const origin = ask.header('origin')
  if (origin === undefined) return ask.method === 'POST'
  const host = ask.header('host')
  return host === undefined || !URL.canParse(origin) || new URL(origin).host !== host.toLowerCase()
}
