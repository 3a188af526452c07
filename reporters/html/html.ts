import { visibleText } from '../../text/printable.ts';

/** Markup that may stand in a page as it is. Only {@link html} and {@link trusted} make it. */
class Html {
  readonly markup: string;

  constructor(markup: string) {
    this.markup = markup;
  }
}

export type { Html };

/** What may stand in a template. Texts are escaped, lists are joined, and absent parts leave nothing. */
export type Part = Html | string | number | undefined | false | readonly Part[];

/**
 * A template of markup. Everything that is put in is escaped, so that no text from outside becomes markup. The result is
 * well-formed XML, too: control characters become visible ones.
 */
export function html(template: TemplateStringsArray, ...parts: readonly Part[]): Html {
  const strings = withoutIndent(template);
  let markup = strings[0] ?? '';
  for (let index = 0; index < parts.length; index++) markup += markupOf(parts[index]) + (strings[index + 1] ?? '');
  return new Html(markup);
}

const compact = new WeakMap<TemplateStringsArray, readonly string[]>();

/** The source is indented by the formatter. In the page, a line break does as well. */
function withoutIndent(template: TemplateStringsArray): readonly string[] {
  const known = compact.get(template);
  if (known !== undefined) return known;
  const strings = template.map((text) => text.replaceAll(/\s*\n\s*/g, '\n'));
  compact.set(template, strings);
  return strings;
}

/** Marks a constant of this program as markup. Never use it for a text from outside. */
export function trusted(markup: string): Html {
  return new Html(markup);
}

function markupOf(part: Part): string {
  if (part instanceof Html) return part.markup;
  if (typeof part === 'string') return escape(part);
  if (typeof part === 'number') return String(part);
  if (part === undefined || part === false) return '';
  let markup = '';
  for (const each of part) markup += markupOf(each);
  return markup;
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Most texts are numbers and times, which need no escape. */
const plain = /^[\w .,:;()%/+-]*$/;

function escape(text: string): string {
  if (plain.test(text)) return text;
  return visibleText(text).replaceAll(/[&<>"']/g, (character) => entities[character] ?? '');
}
