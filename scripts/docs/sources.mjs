// Reads declarations and their comments out of packages/core/src, as the compiler sees them.
import { basename, join } from 'node:path'
import ts from 'typescript'

/** The sources contradict each other: there is nothing true to write. */
export class Disagreement extends Error {}

export class Sources {
  #checker
  #files

  constructor(root) {
    const folder = join(root, 'packages/core/src')
    // Declarations and comments are all that is asked for, so the standard library is not loaded.
    const program = ts.createProgram([join(folder, 'index.ts')], {
      module: ts.ModuleKind.NodeNext,
      allowImportingTsExtensions: true,
      noEmit: true,
      noLib: true,
      types: [],
    })
    this.#checker = program.getTypeChecker()
    this.#files = program.getSourceFiles().filter((file) => file.fileName.startsWith(folder))
  }

  /** A declaration by its name; the file tells namesakes apart. */
  declaration(name, file) {
    const found = this.#files
      .filter((source) => file === undefined || basename(source.fileName) === file)
      .flatMap((source) => source.statements.map((statement) => namedIn(statement, name)))
      .filter((node) => node !== undefined)
    if (found.length !== 1) throw new Error(`${name} is declared ${found.length} times in packages/core/src`)
    return found[0]
  }

  docOf(node) {
    const comments = ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc)
    const last = comments.at(-1)
    const tags = (last?.tags ?? []).map((tag) => ({ name: tag.tagName.text, text: commentText(tag.comment) }))
    return { paragraphs: paragraphsOf(commentText(last?.comment)), tags }
  }

  /** The members of a type, its bases' included when they are asked for. */
  members(node, { inherited = false } = {}) {
    const declarations = inherited
      ? this.#checker.getTypeAtLocation(node).getProperties().map((symbol) => symbol.declarations[0])
      : node.members
    return [...declarations].map((declaration) => this.#member(declaration))
  }

  member(declaration, name) {
    return this.members(declaration).find((member) => member.name === name)
  }

  #member(node) {
    const isMethod = ts.isMethodSignature(node)
    return {
      name: node.name.getText(),
      isOptional: node.questionToken !== undefined,
      isMethod,
      node,
      typeNode: node.type,
      type: isMethod ? oneLine(node.getText()) : this.#typeText(node.type),
      doc: this.docOf(node),
    }
  }

  /** A union of words that has a comment is described somewhere; others are shown. */
  #typeText(node) {
    const [alias] = this.#declarationsOf(node)
    const shown = alias !== undefined && this.#isMereWords(alias) ? alias.type : node
    return oneLine(shown.getText()).replaceAll(/\breadonly /g, '')
  }

  #isMereWords(declaration) {
    const isUnion = ts.isTypeAliasDeclaration(declaration) && ts.isUnionTypeNode(declaration.type)
    return isUnion && this.docOf(declaration).paragraphs.length === 0
  }

  /** What the sources declare under the name to which a node refers. */
  #declarationsOf(node) {
    const name = node.typeName ?? (ts.isExpressionWithTypeArguments(node) ? node.expression : undefined)
    const symbol = name && this.#checker.getSymbolAtLocation(name)
    if (!symbol) return []
    const { declarations = [] } = symbol.flags & ts.SymbolFlags.Alias ? this.#checker.getAliasedSymbol(symbol) : symbol
    return declarations.filter((declaration) => this.#files.includes(declaration.getSourceFile()))
  }

  /** The types that a description of `start` has to describe as well, in the order in which a reader meets them. */
  typesFrom(start, isKnown) {
    const found = new Set()
    const visit = (node) => {
      for (const declaration of this.#declarationsOf(node)) {
        if (this.#isMereWords(declaration) || isKnown(declaration.name.text) || found.has(declaration)) continue
        found.add(declaration)
        visit(declaration)
      }
      ts.forEachChild(node, visit)
    }
    visit(start)
    return [...found]
  }

  /** The words of a list or a union, each with the comment above it. */
  words(declaration) {
    const text = declaration.getSourceFile().text
    const [start, nodes] = wordNodes(declaration)
    return nodes.map((node, index) => ({
      word: node.getText().slice(1, -1),
      meaning: commentBetween(text, index === 0 ? start : nodes[index - 1].end, node.getStart()),
    }))
  }
}

function namedIn(statement, name) {
  if (statement.name?.text === name) return statement
  return statement.declarationList?.declarations.find((declaration) => declaration.name.text === name)
}

function wordNodes(declaration) {
  if (ts.isTypeAliasDeclaration(declaration)) return [declaration.type.pos, [...declaration.type.types]]
  const list = ts.isAsExpression(declaration.initializer) ? declaration.initializer.expression : declaration.initializer
  return [list.pos, [...list.elements]]
}

/** The compiler ties no comment to a literal. */
function commentBetween(text, from, to) {
  const comment = /\/\*\*((?:(?!\*\/)[^])*)\*\/[\s|]*$/.exec(text.slice(from, to))?.[1] ?? ''
  return oneLine(comment.replaceAll(/^\s*\*/gm, ''))
}

function commentText(comment) {
  return ts.getTextOfJSDocComment(comment)?.trim() ?? ''
}

function paragraphsOf(text) {
  return text.split(/\n\s*\n/).filter((paragraph) => paragraph !== '')
}

export function oneLine(text) {
  return text.replaceAll(/\s+/g, ' ').trim()
}
