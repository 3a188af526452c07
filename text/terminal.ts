import { styleText } from 'node:util';

/** The width if no terminal says how wide it is. */
const defaultColumns = 100;

/** The width to write for: the terminal's own, else what COLUMNS says, else 100. */
export function columnsOf(
  stream: { readonly columns?: number | undefined },
  values: Readonly<Record<string, string | undefined>>,
): number {
  const wanted = Number(values['COLUMNS']);
  return stream.columns || (Number.isInteger(wanted) && wanted > 0 ? wanted : defaultColumns);
}

type Style = Parameters<typeof styleText>[0];

/** Paints text, or leaves it as it is where no colour is wanted. */
export function painter({ color }: { readonly color: boolean }): (style: Style, text: string) => string {
  return (style, text) => (color ? styleText(style, text, { validateStream: false }) : text);
}
