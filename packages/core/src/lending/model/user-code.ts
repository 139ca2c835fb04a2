import type { PoolCredentials } from '../../credentials/pool-credentials.ts'
import type { PoolPolicyOptions } from '../../policy/options.ts'
import type { VirtualClock } from '../../testing/index.ts'

/** What a hook or a provider does when it is called. */
export type Mood = 'fine' | 'slow' | 'throws' | 'rejects' | 'hangs' | 'retires' | 'refuses'

const SLOW_MILLIS = 7

/** The user's own functions, each in a mood of its own. */
export class UserCode {
  readonly moods: Record<'onOpen' | 'onAcquire' | 'onRelease' | 'credentials', Mood> = {
    onOpen: 'fine',
    onAcquire: 'fine',
    onRelease: 'fine',
    credentials: 'fine',
  }
  /** What the secret store hands out. */
  password = 'secret 0'
  readonly #clock: () => VirtualClock

  constructor(clock: () => VirtualClock) {
    this.#clock = clock
  }

  heal(): void {
    for (const name of Object.keys(this.moods) as (keyof UserCode['moods'])[]) this.moods[name] = 'fine'
  }

  hook(name: 'onOpen' | 'onAcquire' | 'onRelease'): () => unknown {
    return () => this.#act(this.moods[name])
  }

  credentials(lifeMillis: number | undefined): NonNullable<PoolPolicyOptions['credentials']> {
    return async () => {
      await this.#act(this.moods.credentials)
      const expiresAt = lifeMillis === undefined ? undefined : this.#clock().wallNow() + lifeMillis
      return { password: this.password, expiresAt } satisfies PoolCredentials
    }
  }

  #act(mood: Mood): unknown {
    switch (mood) {
      case 'fine':
        return undefined
      case 'slow':
        return new Promise<void>((resolve) => void this.#clock().after(SLOW_MILLIS, resolve))
      case 'throws':
        throw new Error("the user's code threw")
      case 'rejects':
        return Promise.reject(new Error("the user's code rejected"))
      case 'hangs':
        return new Promise(() => {})
      case 'retires':
        return 'retire'
      case 'refuses':
        return Promise.resolve('refuse')
    }
  }
}
