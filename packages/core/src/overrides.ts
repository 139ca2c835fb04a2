type Undo = () => void

/** Own properties put onto a host's object, and taken off again without a trace. */
export class Overrides<T extends object> {
  readonly #target: T
  readonly #undos: Undo[] = []

  constructor(target: T) {
    this.#target = target
  }

  set<K extends keyof T>(key: K, value: T[K]): void {
    this.#define(key, { value, writable: true })
  }

  /** The same, for hosts that clone an object by its enumerable properties: the clone has it as well. */
  setForClones<K extends keyof T>(key: K, value: T[K]): void {
    this.#define(key, { value, writable: true }, true)
  }

  getter<K extends keyof T>(key: K, get: () => T[K]): void {
    this.#define(key, { get })
  }

  #define(key: keyof T, descriptor: PropertyDescriptor, isCloned: boolean = false): void {
    const own = Object.getOwnPropertyDescriptor(this.#target, key)
    Object.defineProperty(this.#target, key, { ...descriptor, enumerable: own?.enumerable ?? isCloned, configurable: true })
    this.#undos.push(() => {
      if (own === undefined) Reflect.deleteProperty(this.#target, key)
      else Object.defineProperty(this.#target, key, own)
    })
  }

  /** Anything else that has to be undone with the rest. */
  onUndo(undo: Undo): void {
    this.#undos.push(undo)
  }

  undo(): void {
    for (const undo of this.#undos.splice(0).reverse()) undo()
  }
}
