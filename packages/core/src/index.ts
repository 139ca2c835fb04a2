export { attendedPools, followPools, type AttendedPool } from './attended-pools.ts'
export { systemClock, type Clock, type Timer } from './clock.ts'
export { CLOSE_REASONS, type CloseReason } from './close-reason.ts'
export { connectWithCredentials, type CredentialedConnect } from './credentials/connect-with-credentials.ts'
export type { CredentialFacts, PoolCredentials } from './credentials/pool-credentials.ts'
export { describeCounts, totalOf, type PoolCounts } from './counts.ts'
export type { DurationBuckets, DurationSummary } from './duration-histogram.ts'
export {
  findPoolkeeperError,
  isPoolkeeperError,
  PoolkeeperError,
  type InvalidOption,
  type PoolkeeperErrorCode,
  type PoolkeeperErrorDetails,
} from './errors.ts'
export {
  channelName,
  EVENT_TYPES,
  type EventFacts,
  type ObservedAct,
  type PoolEvent,
  type PoolEventType,
  type ResizeReason,
  type ValidationTrigger,
} from './events.ts'
export { KeeperGroup, type GroupHost, type KeptNode } from './group/keeper-group.ts'
export { allBuckets, allDrained, allExplained, allHealth, allStats } from './group/views.ts'
export type { Harm } from './harm.ts'
export type {
  AcquireHook,
  AcquireInfo,
  HookInfo,
  HookName,
  HookOptions,
  OpenHook,
  OpenInfo,
  ReleaseHook,
  ReleaseInfo,
} from './hooks.ts'
export type { ConnectionFacts } from './facts.ts'
export type { DrainBlocker, DrainOptions, DrainReport, PauseOptions, PoolKeeper, ReadyOptions, ResizeOptions } from './keeper.ts'
export { Backoff, type BackoffRange, type FailedAttempt } from './lending/opening/backoff.ts'
export type { CircuitStatus } from './lending/opening/circuit.ts'
export type {
  ConnectingExplanation,
  ConnectionExplanation,
  DueAction,
  HolderExplanation,
  PoolExplanation,
  WaiterExplanation,
} from './lending/operating/explain.ts'
export type { Holding } from './lending/holding/holdings.ts'
export type { MisuseKind } from './lending/holding/misuse.ts'
export type { HealthStatus, PoolHealth } from './lending/operating/health.ts'
export { attachLendingKeeper, type AttachablePort, type Attachment } from './lending/attach.ts'
export { LendingKeeper, type KeeperDependencies } from './lending/lending-keeper.ts'
export { outcomeOf } from './lending/acquire-outcome.ts'
export { Waiting } from './lending/waiting.ts'
export { WaitingList } from './lending/waiting-list.ts'
export { logPools, type LogPoolsOptions, type PoolLogFacts, type PoolLogger, type PoolLogLine } from './logs/log-pools.ts'
export { DESCRIBED_EVENTS, describeEvent, type EventDescription, type LogLevel } from './logs/texts.ts'
export { Overrides } from './overrides.ts'
export type { PoolPolicyOptions } from './policy/options.ts'
export { derivePoolName, describeServer, type PoolServer } from './pool-name.ts'
export { checkPolicyOptions, resolvePolicy } from './policy/resolve.ts'
export { inForce } from './policy/observe.ts'
export type { HostSettings, HostValues, PolicySource, PolicyValues, PoolPolicy } from './policy/values.ts'
export { Origin, Trace, type FrameOwner } from './origin.ts'
export type {
  AcquireFailure,
  ConnectRefusal,
  HostCounts,
  LendAnswer,
  LendingEvents,
  LendingPort,
  Opening,
  Refusal,
  TransactionStatus,
  ValidationAnswer,
  Waiter,
} from './port.ts'
export { appliedKeeper, forgetKeeper, hasKeeper, registerKeeper, registeredKeeper } from './registry.ts'
export type { PoolObserver, SubscribeOptions } from './reporter.ts'
export type { SizingHistory } from './sizing/history/store.ts'
export { historyFrom } from './sizing/predictive/from-windows.ts'
export type { ForecastOptions, ForecastOrigin, ForecastPoint, SizingForecast } from './sizing/predictive/forecast.ts'
export type { LoadWindow } from './sizing/predictive/visits.ts'
export type { SizingObservation } from './sizing/observation.ts'
export type {
  AdaptiveOptions,
  AdaptiveSizing,
  PoolSize,
  PredictiveOptions,
  PredictiveSizing,
  ScheduleEntry,
  ScheduleSizing,
  Sizing,
  SizingFunction,
} from './sizing/options.ts'
export { rulesOf, type RulesByMoment } from './rules/index.ts'
export type { Moment, Objection, Rule, Situation } from './rules/rule.ts'
export { PoolCircuit } from './lending/opening/circuit-breaker.ts'
export { SharedKeeper } from './shared/shared-keeper.ts'
export type { SharedAuthentication, SharedEvents, SharedPort } from './shared/shared-port.ts'
export {
  DURATION_BOUNDS_MILLIS,
  type AcquireCounters,
  type DurationKind,
  type ObservedCounters,
  type PoolState,
  type PoolStats,
  type ValidationCounters,
} from './stats.ts'
export { ownedBy, type Scope } from './scope.ts'
export { judge, type Verdict } from './verdict.ts'
