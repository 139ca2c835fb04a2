export { dashboard, type Dashboard } from './dashboard.ts'
export type { FastifyLike } from './fastify.ts'
export type { NodeHandler } from './node-handler.ts'
export type {
  DashboardAuthorize,
  DashboardOperation,
  DashboardOptions,
  DashboardRefusal,
  DashboardRequest,
  DashboardVisit,
} from './options.ts'
