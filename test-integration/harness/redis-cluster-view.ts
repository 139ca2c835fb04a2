/** A line of `CLUSTER NODES`: what one node holds of another. */
export interface ClusterNodeView {
  readonly id: string
  readonly port: number
  readonly isPrimary: boolean
  /** Failed for good, in this node's eyes; a suspicion alone does not count. */
  readonly isDead: boolean
  /** Of its primary; `-` for a primary. */
  readonly primaryId: string
  readonly slots: readonly SlotRange[]
}

/** Both ends belong to it. */
export type SlotRange = readonly [first: number, last: number]

export function parseClusterNodes(text: string): ClusterNodeView[] {
  return text.split('\n').filter(Boolean).map(parseLine)
}

// id ip:port@bus flags primary ping pong epoch link slots…
function parseLine(line: string): ClusterNodeView {
  const [id = '', address = '', flags = '', primaryId = '', , , , , ...slots] = line.trim().split(' ')
  const are = flags.split(',')
  return {
    id,
    port: Number(/:(\d+)@/.exec(address)?.[1]),
    isPrimary: are.includes('master'),
    isDead: are.includes('fail'),
    primaryId,
    // A slot that migrates stands in brackets.
    slots: slots.filter((range) => !range.startsWith('[')).map(parseRange),
  }
}

function parseRange(range: string): SlotRange {
  const [first = '', last = first] = range.split('-')
  return [Number(first), Number(last)]
}
