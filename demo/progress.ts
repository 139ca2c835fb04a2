import type { WriteStream } from 'node:tty'
import { wait } from './format.ts'
import type { Tally } from './load.ts'
import type { Figures } from './measure.ts'
import type { RunName } from './scenario.ts'

/** One line a scenario that follows it on a terminal; one line a finished run anywhere else. */
export class Progress {
  readonly #out: WriteStream
  #head = ''
  #finished: string[] = []

  constructor(out: WriteStream) {
    this.#out = out
  }

  say(text: string): void {
    this.#out.write(`${text}\n`)
  }

  begin(number: number, count: number, name: string): void {
    this.#head = `${number}/${count} ${name.padEnd(20)}`
    this.#finished = []
  }

  update(run: RunName, { errors, ok, sent, waiting }: Tally): void {
    if (this.#out.isTTY) this.#redraw(`${run}: ${ok} of ${sent} ok, ${errors} errors, ${waiting} waiting`)
  }

  finish(run: RunName, { ok, requests, worst }: Figures): void {
    const text = `${run}: ${ok} of ${requests} ok, worst ${wait(worst)}`
    if (this.#out.isTTY) {
      this.#finished.push(text)
      this.#redraw()
    } else this.say(`${this.#head} ${text}`)
  }

  end(): void {
    if (this.#out.isTTY) this.#out.write('\n')
  }

  #redraw(current?: string): void {
    const parts = current === undefined ? this.#finished : [...this.#finished, current]
    const line = `${this.#head} ${parts.join(' | ')}`
    // A line that wraps could not be drawn over.
    this.#out.write(`\r\u001b[2K${line.slice(0, this.#out.columns - 1)}`)
  }
}
