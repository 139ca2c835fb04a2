export { simulatePool, type SimulatedPool, type SimulatedPoolOptions } from './simulated-pool.ts'
export type { SimulatedConnection, SimulatedServer, SimulatedServerOptions } from './simulated-server.ts'
export { VirtualClock } from './virtual-clock.ts'
