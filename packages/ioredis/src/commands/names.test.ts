import { Redis } from 'ioredis'
import { describe, expect, test } from 'vitest'
import { BLOCKING_COMMANDS, blockingMillis, CONNECTION_COMMANDS, kindInPipeline, kindOf, refusal } from './names.ts'

/** Looked at one by one: their effect outlives no call, and they keep nobody waiting. */
const ORDINARY = `
  acl append arcount ardel ardelrange arget argetrange argrep arinfo arinsert arlastitems arlen armget armset arnext
  arop arring arscan arseek arset backup bgrewriteaof bgsave bitcount bitfield bitfield_ro bitop bitpos cluster
  command config copy dbsize debug decr decrby del delex digest dump echo eval eval_ro evalsha evalsha_ro exists
  expire expireat expiretime failover fcall fcall_ro flushall flushdb function geoadd geodist geohash geopos
  georadius georadius_ro georadiusbymember georadiusbymember_ro geosearch geosearchstore get getbit getdel getex
  getrange getset hdel hexists hexpire hexpireat hexpiretime hget hgetall hgetdel hgetex hincrby hincrbyfloat hkeys
  hlen hmget hmset hotkeys hpersist hpexpire hpexpireat hpexpiretime hpttl hrandfield hscan hset hsetex hsetnx
  hstrlen httl hvals incr incrby incrbyfloat increx info keys lastsave latency lcs lindex linsert llen lmove lmovem
  lmpop lolwut lpop lpos lpush lpushx lrange lrem lset ltrim memory mget migrate module move mset msetex msetnx
  object persist pexpire pexpireat pexpiretime pfadd pfcount pfdebug pfmerge pfselftest ping psetex pttl publish
  pubsub randomkey rename renamenx replicaof restore restore-asking role sentinel rpop rpoplpush rpush rpushx sadd save scan
  scard script sdiff sdiffcard sdiffstore set setbit setex setnx setrange shutdown sinter sintercard sinterstore
  sismember slaveof slowlog smembers smismember smove sort sort_ro spop spublish srandmember srem sscan strlen
  substr sunion sunioncard sunionstore swapdb time touch trimslots ttl type unlink vadd vcard vdim vemb vgetattr
  vinfo vismember vlinks vrandmember vrange vrem vsetattr vsim xack xackdel xadd xautoclaim xcfgset xclaim xdel
  xdelex xgroup xidmprecord xinfo xlen xnack xpending xrange xrevrange xsetid xtrim zadd zcard zcount zdiff
  zdiffstore zincrby zinter zintercard zinterstore zlexcount zmpop zmscore zpopmax zpopmin zrandmember zrange
  zrangebylex zrangebyscore zrangestore zrank zrem zremrangebylex zremrangebyrank zremrangebyscore zrevrange
  zrevrangebylex zrevrangebyscore zrevrank zscan zscore zunion zunionstore
`.trim().split(/\s+/)

const command = (name: string, ...args: unknown[]) => ({ name, args })

test('every command that ioredis has was looked at: a new one belongs into one of the lists', () => {
  const looked = new Set([...ORDINARY, ...CONNECTION_COMMANDS, ...BLOCKING_COMMANDS, 'multi', 'quit'])
  const builtin = new Redis({ lazyConnect: true }).getBuiltinCommands()
  expect(builtin.filter((name) => !looked.has(name))).toEqual([])
  expect(ORDINARY.filter((name) => kindOf(command(name)) !== 'ordinary')).toEqual([])
})

describe('a command', () => {
  test.each([
    ['get', [], 'ordinary'],
    ['SELECT', [1], 'connection'],
    ['quit', [], 'connection'],
    ['himport', ['PREPARE', 'fields', 'a'], 'connection'],
    ['BLPOP', ['jobs', 0], 'blocking'],
    ['xread', ['COUNT', 1, 'STREAMS', 'BLOCK', '$'], 'ordinary'],
    ['xread', ['BLOCK', 0, 'STREAMS', 'key', '$'], 'blocking'],
    ['XREADGROUP', [Buffer.from('GROUP'), 'group', 'me', Buffer.from('block'), 1, 'STREAMS', 'key', '>'], 'blocking'],
    ['some.module', ['BLOCK', 0], 'ordinary'],
  ])('%s %j is of kind %s', (name, args, kind) => {
    expect(kindOf(command(name, ...args))).toBe(kind)
  })

  test('that nobody knows, under names without end, costs no memory without end', () => {
    for (let number = 0; number < 5_000; number++) expect(kindOf(command(`made.up.${number}`))).toBe('ordinary')
    expect(kindOf(command('WATCH', 'key'))).toBe('connection')
  })

  test('in a pipeline is what it is alone, but for the brackets', () => {
    const names = ['multi', 'EXEC', 'get', 'watch', 'blpop', 'quit']
    expect(names.map((name) => kindInPipeline(command(name)))).toEqual([
      'ordinary',
      'ordinary',
      'ordinary',
      'connection',
      'blocking',
      'connection',
    ])
  })

  test.each([
    ['select', '`db` in the options'],
    ['AUTH', '`credentials`'],
    ['discard', 'multi()…exec()'],
    ['quit', 'pool.quit()'],
    ['monitor', 'pool.use('],
  ])('that is refused, like %s, says by what it is replaced: %s', (name, way) => {
    expect(refusal(name)).toMatchObject({ code: 'UNSUPPORTED_HOST', message: expect.stringContaining(way) as string })
  })
})

describe('how long a blocking command lets the server wait', () => {
  test.each([
    ['blpop', ['one', 'two', 5], 5_000],
    ['BRPOP', ['one', '0.25'], 250],
    ['blpop', ['one', 0], undefined],
    ['blmove', ['from', 'to', 'LEFT', 'RIGHT', 2], 2_000],
    ['blmpop', [3, 2, 'one', 'two', 'LEFT'], 3_000],
    ['bzmpop', ['1.5', 1, 'one', 'MIN'], 1_500],
    ['xread', ['COUNT', 1, 'BLOCK', 70, 'STREAMS', 'key', '$'], 70],
    ['xread', ['block', '0', 'STREAMS', 'key', '$'], undefined],
    ['blpop', ['one', 'nonsense'], undefined],
  ])('%s %j: %s ms', (name, args, millis) => {
    expect(blockingMillis(command(name, ...args))).toBe(millis)
  })
})
