import { element, setText } from './elements.js'

/** A table whose rows change while it is read: cells are kept, and written only when they differ. */
export class Table {
  /**
   * @param {string} caption
   * @param {readonly string[]} headings the first is that of the rows
   * @param {{ readonly wide?: boolean }} [options] wide ones can be scrolled by themselves
   */
  constructor(caption, headings, { wide = false } = {}) {
    this.columns = headings.length
    this.body = element('tbody')
    const row = element('tr', {}, ...headings.map((heading) => element('th', { scope: 'col' }, heading)))
    const table = element('table', wide ? { class: 'wide' } : {}, element('caption', {}, caption), element('thead', {}, row), this.body)
    this.node = wide ? element('div', { class: 'scroll', role: 'group', 'aria-label': caption, tabindex: '0' }, table) : table
    this.node.hidden = true
  }

  /** @param {readonly (readonly string[])[]} rows without any, there is no table */
  show(rows) {
    this.node.hidden = rows.length === 0
    while (this.body.rows.length > rows.length) this.body.deleteRow(-1)
    while (this.body.rows.length < rows.length) this.body.append(this.#row())
    for (const [index, row] of rows.entries()) {
      const { cells } = this.body.rows[index] ?? {}
      for (const [column, cell] of [...(cells ?? [])].entries()) setText(cell, row[column] ?? '')
    }
  }

  #row() {
    const cells = Array.from({ length: this.columns - 1 }, () => element('td'))
    return element('tr', {}, element('th', { scope: 'row' }), ...cells)
  }
}
