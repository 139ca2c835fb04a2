import { Queue, Worker } from 'bullmq'
import { Redis } from 'ioredis'

/**
 * Confirmations by BullMQ, which has clients of ioredis of its own, beside the pool: it names its connections, keeps one
 * blocked in its own way, and sends again after a reconnect what it knows how to send twice. A pool cannot be given to
 * it, and need not: these are two connections, however many jobs there are.
 */
export class Mail {
  readonly sent: string[] = []
  readonly #client: Redis
  readonly #queue: Queue<string>
  readonly #worker: Worker<string>

  constructor(url: string, prefix: string) {
    // What BullMQ asks of a client: to wait for as long as it takes.
    this.#client = new Redis(url, { maxRetriesPerRequest: null })
    this.#queue = new Queue('mail', { connection: this.#client, prefix })
    // It duplicates the client for what blocks.
    this.#worker = new Worker('mail', (job) => Promise.resolve(this.sent.push(job.data)), { connection: this.#client, prefix })
  }

  async confirm(buyer: string): Promise<void> {
    await this.#queue.add('confirmation', buyer)
  }

  /** Resolves when so many were sent. */
  async untilSent(count: number): Promise<void> {
    while (this.sent.length < count) await new Promise((resolve) => this.#worker.once('completed', resolve))
  }

  async end(): Promise<void> {
    await this.#worker.close()
    await this.#queue.obliterate({ force: true })
    await this.#queue.close()
    await this.#client.quit()
  }
}
