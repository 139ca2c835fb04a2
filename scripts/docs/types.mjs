// Types in words, each described once: on the first page that needs it, with links from all others.
import { code, prose, table } from './markdown.mjs'
import { oneLine } from './sources.mjs'

export class Types {
  #sources
  #addresses

  /** `elsewhere`: the addresses of types that are described otherwise. */
  constructor(sources, elsewhere) {
    this.#sources = sources
    this.#addresses = { ...elsewhere }
  }

  /** A section for each type that a reader of `start` meets, and that no earlier page describes. */
  sectionsFrom(start, page) {
    const declarations = this.#sources.typesFrom(start, (name) => name in this.#addresses)
    for (const { name } of declarations) this.#addresses[name.text] = `${page}#${name.text.toLowerCase()}`
    return declarations.flatMap((declaration) => [
      `## ${code(declaration.name.text)}`,
      prose(this.#sources.docOf(declaration)),
      declaration.members === undefined
        ? code(oneLine(declaration.type.getText()))
        : this.fields(this.#sources.members(declaration, { inherited: true })),
    ])
  }

  /** What an object has, a row each; a field's whole comment in one cell. */
  fields(members) {
    const rows = members.map(({ name, isOptional, type, doc }) => [
      code(isOptional ? `${name}?` : name),
      this.link(type),
      oneLine(prose(doc)),
    ])
    return table(['field', 'type', 'meaning'], rows)
  }

  /** Code that leads to where its type is described, if it is. */
  link(text) {
    const [name] = this.#namesIn(text)
    return name === undefined ? code(text) : `[${code(text)}](${this.#addresses[name]})`
  }

  /** Code, and after it where its types are described. */
  signature(text) {
    return [code(text), ...this.#namesIn(text).map((name) => this.link(name))].join(' · ')
  }

  #namesIn(text) {
    return [...new Set(text.match(/\b[A-Z]\w+/g))].filter((name) => name in this.#addresses)
  }
}
