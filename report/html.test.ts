import { expect, it } from 'vitest'
import { escapeHtml, html } from './html.ts'

it('escapes whatever could be taken for markup or end an attribute', () => {
  expect(escapeHtml(`<a href="x" title='y'>&amp;</a>`)).toBe(
    '&lt;a href=&quot;x&quot; title=&#39;y&#39;&gt;&amp;amp;&lt;/a&gt;',
  )
})

it('escapes text that is put into a template', () => {
  expect(html`<b>${'<script>'}</b>`.text).toBe('<b>&lt;script&gt;</b>')
})

it('leaves markup that is put into a template as it is', () => {
  const items = ['a', '<'].map((item) => html`<li>${item}</li>`)
  expect(html`<ul>${items}</ul>`.text).toBe('<ul><li>a</li><li>&lt;</li></ul>')
})

it('leaves out what is not there', () => {
  expect(html`<p>${undefined}${0}</p>`.text).toBe('<p>0</p>')
})
