import { XMLParser, XMLValidator } from 'fast-xml-parser';

/** An element of a page. */
export interface PageElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** Its own text and that of all elements in it, with each space once. */
  readonly text: string;
  /** All elements in it, at any depth, in order. */
  readonly inner: readonly PageElement[];
}

type Node = Readonly<Record<string, unknown>>;

/** Reads a page as strict XML. Throws if it is not well-formed. */
export function parsePage(page: string): PageElement {
  const markup = page.replace('<!doctype html>', '');
  const valid = XMLValidator.validate(markup);
  if (valid !== true) throw new Error(`the page is not well-formed: ${JSON.stringify(valid.err)}`);
  const parser = new XMLParser({
    preserveOrder: true,
    ignoreAttributes: false,
    attributeNamePrefix: '',
    parseTagValue: false,
    parseAttributeValue: false,
    trimValues: false,
  });
  const root = (parser.parse(markup) as readonly Node[]).find((node) => 'html' in node);
  if (root === undefined) throw new Error('the page has no html element');
  return elementOf(root);
}

function elementOf(node: Node): PageElement {
  const { ':@': attributes = {}, ...rest } = node;
  const [name = '', children] = Object.entries(rest)[0] ?? [];
  const inner: PageElement[] = [];
  let text = '';
  for (const child of children as readonly Node[]) {
    if ('#text' in child) {
      text += String(child['#text']);
      continue;
    }
    const element = elementOf(child);
    inner.push(element, ...element.inner);
    text += element.name === 'br' ? ' ' : element.text;
  }
  return {
    name,
    attributes: attributes as Record<string, string>,
    text: name === 'pre' ? text : text.replaceAll(/\s+/gu, ' ').trim(),
    inner,
  };
}

/** The elements of a name in an element. */
export function all(within: PageElement, name: string): readonly PageElement[] {
  return within.inner.filter((element) => element.name === name);
}

/** The element with an id. */
export function byId(within: PageElement, id: string): PageElement {
  const found = within.inner.find(({ attributes }) => attributes['id'] === id);
  if (found === undefined) throw new Error(`the page has no element with the id ${id}`);
  return found;
}

/** The rows of the table whose caption begins with a text: the texts of their cells, by the head of the column. */
export function rowsOf(within: PageElement, caption: string): readonly Readonly<Record<string, string>>[] {
  const table = all(within, 'table').find((each) => all(each, 'caption')[0]?.text.startsWith(caption));
  if (table === undefined) throw new Error(`the page has no table with the caption ${caption}`);
  const cells = (row: PageElement): readonly string[] =>
    row.inner.filter(({ name }) => name === 'th' || name === 'td').map(({ text }) => text);
  const [head, ...rows] = all(table, 'tr').map(cells);
  return rows.map((row) => Object.fromEntries((head ?? []).map((name, index) => [name, row[index] ?? ''])));
}

/** The figure with the chart of an id. */
export function figureOf(page: PageElement, id: string): PageElement {
  const found = all(page, 'figure').find((figure) =>
    figure.inner.some(({ attributes }) => attributes['id'] === `${id}-title`),
  );
  if (found === undefined) throw new Error(`the page has no chart ${id}`);
  return found;
}
