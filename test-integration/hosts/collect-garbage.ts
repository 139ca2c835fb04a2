import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose_gc')

/** A full collection, now. */
export const collectGarbage: () => void = runInNewContext('gc') as () => void
