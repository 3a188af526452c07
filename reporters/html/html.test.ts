import { expect, it } from 'vitest';
import { html } from './html.ts';

it('escapes texts, and takes markup as it is', () => {
  const inner = html`<b>${'<i> & "x" \'y\''}</b>`;
  expect(html`<p>${inner}</p>`.markup).toBe('<p><b>&lt;i&gt; &amp; &quot;x&quot; &#39;y&#39;</b></p>');
});

it('refuses an object that only looks like markup', () => {
  const faked = { markup: '<script>' } as unknown as string;
  expect(() => html`${faked}`).toThrow(TypeError);
});

it('makes characters visible that XML forbids', () => {
  expect(html`${'a\u0000\u001b\ud800\u202e'}`.markup).toBe('a␀␛��');
});

it('joins lists, and leaves out what is absent', () => {
  expect(html`${[1, html`<i>a</i>`, 'b']}${undefined}${false}${0}`.markup).toBe('1<i>a</i>b0');
});

it('writes line breaks in place of the indent of the source, but keeps those of texts', () => {
  const page = html`<ul>
    <li>${'two\n  lines'}</li>
  </ul>`;
  expect(page.markup).toBe('<ul>\n<li>two\n  lines</li>\n</ul>');
});
