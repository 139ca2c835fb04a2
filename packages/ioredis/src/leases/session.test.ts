import { describe, expect, test } from 'vitest'
import type { HostClient } from '../host/redis-client.ts'
import { Session } from './session.ts'

/** As much of a client as a session sees. */
function pooled(select = 0, refusal?: Error) {
  const sent: string[] = []
  const condition = { select }
  const client = {
    condition,
    options: { db: 0 },
    call(command: string, args: string[], answer: (error: unknown) => void) {
      sent.push([command, ...args].join(' '))
      if (command === 'select' && refusal === undefined) condition.select = Number(args[0])
      answer(refusal)
    },
  }
  const session = new Session(client as unknown as HostClient)
  const send = (...words: string[]): void => {
    const [name = '', ...args] = words
    if (name.toLowerCase() === 'select') condition.select = Number(args[0])
    session.note({ name, args, promise: Promise.resolve(), reject: () => {} })
  }
  return { session, send, sent }
}

describe('what a holder leaves on a connection', () => {
  test.each([
    ['nothing', [['get', 'key']], []],
    ['a WATCH', [['WATCH', 'key']], ['unwatch']],
    ['a WATCH that a transaction ended', [['watch', 'key'], ['multi'], ['exec']], []],
    ['a WATCH that was taken back', [['watch', 'key'], ['unwatch']], []],
    ['an open MULTI, which ends its WATCH as well', [['watch', 'key'], ['multi'], ['get', 'key']], ['discard']],
    ['another database', [['select', '5']], ['select 0']],
    ['its own database again', [['select', '5'], ['select', '0']], []],
    ['subscriptions', [['subscribe', 'news'], ['psubscribe', 'n*'], ['subscribe', 'more']], ['unsubscribe', 'punsubscribe']],
    ['tracking', [['client', 'TRACKING', 'ON']], ['client tracking off']],
    ['tracking that it switched off', [['client', 'tracking', 'on'], ['client', 'tracking', 'off']], []],
    ['fieldsets of hashes', [['himport', 'PREPARE', 'user', 'name']], ['himport discardall']],
    ['harmless questions', [['client', 'id'], ['client', 'LIST']], []],
  ])('%s: %j is undone by %j', async (_, commands, undoing) => {
    const { session, send, sent } = pooled()
    for (const words of commands) send(...words)
    expect(session.isClean).toBe(undoing.length === 0)
    await session.clean()
    expect(sent).toEqual(undoing)
  })

  test.each([['auth', 'secret'], ['HELLO', '3'], ['monitor'], ['quit'], ['reset'], ['client', 'setname', 'mine'], ['client', 'no-evict', 'on']])(
    'and cannot be changed back, as %s %s, closes it',
    async (...words) => {
      const { session, send, sent } = pooled()
      send(...words)
      expect(session.isClean).toBe(false)
      await expect(session.clean()).rejects.toThrow('cannot be changed back')
      expect(sent).toEqual([])
    },
  )

  test('and could not be undone is told', async () => {
    const refusal = new Error('NOPERM')
    const { session, send } = pooled(0, refusal)
    send('watch', 'key')
    await expect(session.clean()).rejects.toBe(refusal)
  })

  test('is not what the pool itself sends: its own logins spoil nothing', () => {
    const { session, send } = pooled()
    session.unnoted(() => send('auth', 'app', 'secret'))
    expect(session.isClean).toBe(true)
    expect(() => session.unnoted(() => { throw new Error('not sent') })).toThrow('not sent')
    send('auth', 'app', 'secret')
    expect(session.isClean).toBe(false)
  })
})
