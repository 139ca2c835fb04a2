import { connectWithCredentials, type PoolCredentials, type SharedAuthentication, type SharedEvents } from '@poolkeeper/core'
import { redisDriver } from '@poolkeeper/drivers'
import { type HostClient, type MakeMember, openMember, type OpeningMember } from '../host/redis-client.ts'
import type { Lane } from './lane.ts'

/** What the policy's credentials are asked of. */
export type CredentialsSource = Pick<SharedEvents<Lane>, 'credentials'>

/** What each client was opened with, until it is a lane. */
const openedWith = new WeakMap<HostClient, PoolCredentials>()

export function credentialsOf(client: HostClient): PoolCredentials | undefined {
  return openedWith.get(client)
}

/** Connects with the policy's credentials where it has a provider; refused, once more with newer ones. */
export function openLoggedIn(make: MakeMember, source: CredentialsSource): OpeningMember {
  let current: OpeningMember | undefined
  let reason: Error | undefined
  let fail = (_error: Error): void => {}
  const givenUp = new Promise<never>((_, reject) => (fail = reject))
  const connecting = connectWithCredentials<HostClient>({
    events: {
      credentials: (refused) => source.credentials(refused),
      authenticated: (client, credentials) => void openedWith.set(client, credentials),
    },
    refusalOf: (error) => redisDriver.refusalOf(error),
    connect(credentials) {
      if (reason !== undefined) return Promise.reject(reason)
      current = openMember(make, credentials)
      return current.ready
    },
  })
  return {
    ready: Promise.race([connecting, givenUp]),
    abandon(error) {
      reason = error
      current?.abandon(error)
      fail(error)
    },
  }
}

/** How lanes are logged in while they live. */
export function laneLogins(end: (lanes: readonly Lane[]) => void): SharedAuthentication<Lane> {
  return {
    async renew(lane, credentials) {
      lane.sent++
      await redisDriver.reauthenticate?.(lane.client, credentials)
    },
    refusalOf: (error) => redisDriver.refusalOf(error),
    end,
  }
}
