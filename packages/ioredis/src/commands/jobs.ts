import type { SentCommand } from '../host/redis-client.ts'
import type { Lane } from '../lanes/lane.ts'
import { Job } from '../lanes/line.ts'

/** A command that goes out alone. */
export class CommandJob extends Job {
  readonly commands: readonly SentCommand[]
  readonly #command: SentCommand
  readonly #stream: object | undefined

  constructor(command: SentCommand, stream: object | undefined) {
    super(undefined)
    this.commands = [command]
    this.#command = command
    this.#stream = stream
  }

  send({ client }: Lane): void {
    client.sendCommand(this.#command, this.#stream)
  }

  fail(error: Error): void {
    this.#command.reject(error)
  }
}

/** A pipeline or a transaction: its commands go out together, on one lane. */
export class PipelineJob extends Job {
  readonly commands: readonly SentCommand[]
  readonly #sendTo: (redis: object) => void

  constructor(commands: readonly SentCommand[], sendTo: (redis: object) => void) {
    super(undefined)
    this.commands = commands
    this.#sendTo = sendTo
  }

  send({ client }: Lane): void {
    this.#sendTo(client)
  }

  fail(error: Error): void {
    this.#sendTo(refusing(error))
  }
}

/** In the place of a client: answers each command with the error, so that a pipeline ends as ioredis ends it. */
export function refusing(error: Error): object {
  return {
    sendCommand(command: SentCommand): Promise<unknown> {
      command.reject(error)
      return command.promise
    },
  }
}
