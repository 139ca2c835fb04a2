import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createConnection } from 'mysql2/promise';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { attachMariadb, type MariadbServer, startMariadb } from './harness/mariadb.ts';
import { startPgbouncer } from './harness/pgbouncer.ts';
import { attachPostgres, type PostgresServer, startPostgres } from './harness/postgres.ts';
import { attachRedis, type RedisServer, startRedis } from './harness/redis.ts';
import { requireServer } from './harness/require-server.ts';

describe.each(['system', 'embedded'] as const)('PostgreSQL, %s', (prefer) => {
  let server: PostgresServer;

  beforeAll(async () => {
    server = await startPostgres({ prefer, maxConnections: 4 });
  });
  afterAll(() => server.stop());

  async function connectClient(applicationName = 'client'): Promise<Client> {
    const client = new Client({ connectionString: server.url, application_name: applicationName });
    client.on('error', () => {});
    await client.connect();
    onTestFinished(() => client.end().catch(() => {}));
    return client;
  }

  it('is the one that was asked for, and answers', async () => {
    expect(server.kind).toBe(prefer);
    const client = await connectClient();
    const { rows } = await client.query('select current_user as user, current_database() as database');
    expect(rows).toEqual([{ user: server.user, database: server.database }]);
    expect(server.version).toMatch(/^\d+\.\d+$/);
  });

  it('lists its clients by name, and not the harness', async () => {
    const client = await connectClient('one');
    await connectClient('two');
    await client.query('begin');
    const named = (await server.connections()).map(({ applicationName }) => applicationName);
    expect(named.sort()).toEqual(['one', 'two']);
    const [one] = await server.connections({ applicationName: 'one' });
    expect(one).toMatchObject({ applicationName: 'one', state: 'idle in transaction' });
  });

  it('takes as many connections as was said, and the admin still gets in', async () => {
    for (let count = 0; count < 4; count += 1) await connectClient();
    await expect(connectClient()).rejects.toMatchObject({ code: '53300' });
    expect(await server.terminateAll()).toBe(4);
  });

  it('terminates the connections that were chosen', async () => {
    const doomed = await connectClient('doomed');
    const spared = await connectClient('spared');
    const ended = lost(doomed);
    expect(await server.terminateAll({ applicationName: 'doomed' })).toBe(1);
    await ended;
    await spared.query('select 1');
  });

  it('terminates behind the back of the event loop', async () => {
    const client = await connectClient();
    const onEnd = vi.fn();
    client.on('end', onEnd);
    server.terminateAllSync();
    expect(onEnd).not.toHaveBeenCalled();
    await expect(client.query('select 1')).rejects.toThrow();
    await expect(server.connections()).resolves.toEqual([]);
  });

  it.each(['fast', 'immediate'] as const)('restarts (%s) with its port and data', async (mode) => {
    await server.admin.query(`create table ${mode} as select 1 as kept`);
    const client = await connectClient();
    const ended = lost(client);
    await server.restart(mode, async () => {
      await expect(connectClient()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    });
    await ended;
    expect(await server.admin.query(`select kept from ${mode}`)).toEqual([{ kept: 1 }]);
    await connectClient();
  });

  it('answers nothing while it is paused, and goes on', async () => {
    const client = await connectClient();
    server.pause();
    const answer = client.query('select 1').then(() => 'answered');
    expect(await Promise.race([answer, sleep(100, 'silent')])).toBe('silent');
    server.resume();
    expect(await answer).toBe('answered');
  });

  it('asks members of one role for a password', async () => {
    await server.admin.query("create role guest login password 'right' in role needs_password");
    const url = new URL(server.url);
    url.username = 'guest';
    url.password = 'wrong';
    const client = new Client({ connectionString: url.href });
    client.on('error', () => {});
    await expect(client.connect()).rejects.toMatchObject({ code: '28P01' });
  });
});

describe('PostgreSQL, of its own', () => {
  it('leaves nothing behind when it is stopped, even while paused', async () => {
    const server = await startPostgres({ settings: { work_mem: '1MB' } });
    expect(await server.admin.query('show work_mem')).toEqual([{ work_mem: '1MB' }]);
    const [row] = await server.admin.query<{ data_directory: string }>('show data_directory');
    server.pause();
    await server.stop();
    expect(existsSync(row?.data_directory ?? '')).toBe(false);
    expect(await isOpen(server.port)).toBe(false);
  });

  it('serves through PgBouncer, which gives a server connection to whoever has a transaction', async () => {
    const target = await startPostgres({ settings: {} });
    onTestFinished(() => target.stop());
    const bouncer = await startPgbouncer({ target, poolMode: 'transaction' });
    const clients = [new Client(bouncer.url), new Client(bouncer.url)];
    const pids: unknown[] = [];
    for (const client of clients) {
      await client.connect();
      pids.push((await client.query('select pg_backend_pid() as pid')).rows[0].pid);
    }
    for (const client of clients) await client.end();
    expect(pids[0]).toBe(pids[1]);
    await bouncer.stop();
    expect(await isOpen(bouncer.port)).toBe(false);
  });
});

describe('MariaDB', () => {
  let server: MariadbServer;

  beforeAll(async () => {
    server = await startMariadb({ maxConnections: 10 });
  });
  afterAll(() => server.stop());

  async function connectClient(): Promise<{ query(sql: string): Promise<unknown>; lost: Promise<unknown> }> {
    const connection = await createConnection(server.url);
    const lost = new Promise((resolve) => connection.on('error', resolve));
    onTestFinished(() => connection.destroy());
    return { query: (sql) => connection.query(sql), lost };
  }

  it('answers, and lists its clients without the harness', async () => {
    const client = await connectClient();
    await client.query('select 1');
    expect(await server.connections()).toMatchObject([{ user: server.user, command: 'Sleep' }]);
    expect(server.version).toMatch(/^\d+\.\d+\.\d+$/);
  });

  it('takes as many connections as was said, and still can be asked to kill them', async () => {
    await server.killAll();
    for (let count = 0; count < 10; count += 1) await connectClient();
    await expect(connectClient()).rejects.toMatchObject({ errno: 1040 });
    server.killAllSync();
    expect(await server.connections()).toEqual([]);
  });

  it('kills, and kills behind the back of the event loop', async () => {
    const first = await connectClient();
    expect(await server.killAll()).toBe(1);
    await first.lost;
    const second = await connectClient();
    const onLost = vi.fn();
    void second.lost.then(onLost);
    server.killAllSync();
    await Promise.resolve();
    expect(onLost).not.toHaveBeenCalled();
    await second.lost;
  });

  it.each(['fast', 'immediate'] as const)('restarts (%s) with its port and data', async (mode) => {
    await server.admin.query(`create table ${mode} as select 1 as kept`);
    const client = await connectClient();
    await server.restart(mode, async () => {
      expect(await isOpen(server.port)).toBe(false);
    });
    await client.lost;
    expect(await server.admin.query(`select kept from ${mode}`)).toEqual([{ kept: 1 }]);
  });

  it('answers nothing while it is paused, and goes on', async () => {
    const client = await connectClient();
    server.pause();
    const answer = client.query('select 1').then(() => 'answered');
    expect(await Promise.race([answer, sleep(100, 'silent')])).toBe('silent');
    server.resume();
    expect(await answer).toBe('answered');
  });
});

describe('Redis', () => {
  let server: RedisServer;

  beforeAll(async () => {
    server = await startRedis({ settings: { maxclients: '50' } });
  });
  afterAll(() => server.stop());

  it('answers commands, with bulks and errors', async () => {
    expect(await server.command('SET', 'key', 'two\r\nlines')).toBe('OK');
    expect(await server.command('GET', 'key')).toBe('two\r\nlines');
    await expect(server.command('INCR', 'key')).rejects.toThrow('not an integer');
  });

  it('lists its clients without the harness, and kills them', async () => {
    const client = connect(server.port, server.host);
    await once(client, 'connect');
    const address = `${server.host}:${client.localPort}`;
    await vi.waitFor(async () => expect(await server.connections()).toMatchObject([{ address }]));
    const closed = once(client, 'close');
    client.resume();
    expect(await server.killClients()).toBe(1);
    await closed;
  });

  it.each(['fast', 'immediate'] as const)('restarts (%s) on its port', async (mode) => {
    await server.restart(mode, async () => expect(await isOpen(server.port)).toBe(false));
    expect(await server.command('PING')).toBe('PONG');
  });
});

describe('the servers of the run', () => {
  const postgres = requireServer('postgres');
  const mariadb = requireServer('mariadb');
  const redis = requireServer('redis');

  postgres.describe('PostgreSQL', () => {
    it('is there for any test file, but cannot be restarted by one', async () => {
      const server = await attachPostgres(postgres);
      await expect(server.restart()).rejects.toThrow('cannot be restarted');
      expect(server.kind).toBe('external');
      await server.stop();
      expect(await isOpen(server.port)).toBe(true);
    });
  });

  mariadb.describe('MariaDB', () => {
    it('is there for any test file', async () => {
      const server = await attachMariadb(mariadb);
      expect(await server.admin.query('select ? as one', [1])).toEqual([{ one: 1 }]);
      await server.stop();
    });
  });

  redis.describe('Redis', () => {
    it('is there for any test file', async () => {
      const server = await attachRedis(redis);
      expect(await server.command('PING')).toBe('PONG');
      await server.stop();
    });
  });
});

describe('a run that is killed', () => {
  it('takes its servers and their folders along, frozen ones too', async () => {
    const fixture = fileURLToPath(new URL('harness/dying-parent.fixture.ts', import.meta.url));
    const run = spawn(process.execPath, ['--import', 'tsx', fixture], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const { ports, folder } = JSON.parse(await firstLine(run)) as { ports: number[]; folder: string };
    expect(existsSync(folder)).toBe(true);
    run.kill('SIGKILL');
    await vi.waitUntil(async () => !(await Promise.all(ports.map(isOpen))).includes(true), 10_000);
    await vi.waitUntil(() => !existsSync(folder), 10_000);
  });
});

// Not `once`: it would reject at the error that comes before the end.
function lost(client: Client): Promise<void> {
  return new Promise((resolve) => {
    client.once('end', resolve);
  });
}

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => resolve(true)).on('error', () => resolve(false));
    socket.on('connect', () => socket.destroy());
  });
}

async function firstLine(run: ChildProcess): Promise<string> {
  if (run.stdout === null) throw new Error('no output');
  let text = '';
  for await (const chunk of run.stdout) {
    text += String(chunk);
    if (text.includes('\n')) break;
  }
  return text;
}
