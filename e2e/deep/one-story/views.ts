import { all, parsePage, type PageElement } from '../../../reporters/html/testing/parse-page.ts';

/** Reads what the views print back into numbers, with code of its own. */

/** A number as a view prints it, and by how much it may be rounded. */
export interface Printed {
  readonly value: number;
  readonly tolerance: number;
}

/** `0.4 ms`, `84 ms`, `1.24 s`, `2 min 05 s`, as milliseconds. */
export function readTime(text: string): Printed {
  const ms = /^(\d+(?:\.\d)?) ms$/.exec(text)?.[1];
  if (ms !== undefined) return { value: Number(ms), tolerance: Number(ms) < 10 ? 0.051 : 0.501 };
  const secs = /^(\d+\.\d\d) s$/.exec(text)?.[1];
  if (secs !== undefined) return { value: Number(secs) * 1000, tolerance: 5.01 };
  const [, minutes, rest] = /^(\d+) min (\d\d) s$/.exec(text) ?? [];
  return { value: (Number(minutes) * 60 + Number(rest)) * 1000, tolerance: 501 };
}

/** `99.96 %`, which is rounded down. */
export function readPercent(text: string): number {
  return Number(/^(\d+(?:\.\d+)?) %/.exec(text)?.[1]);
}

/** `21,600` */
export function readCount(text: string | undefined): number {
  return Number((text ?? 'none').replaceAll(',', ''));
}

/** `4,986 of 5,022` at the end of a text. */
export function readPair(text: string): readonly [part: number, of: number] {
  const [, part, of] = /([\d,.]+) of ([\d,.]+)/.exec(text) ?? [];
  return [readCount(part), readCount(of)];
}

/** The rows of the text of `awsiam status` by the table's title and the name of the row. */
export function readStatusTable(text: string, title: string): Map<string, readonly string[]> {
  const lines = text.split('\n');
  const first = lines.findIndex((line) => line.startsWith(title)) + 1;
  const rows = new Map<string, readonly string[]>();
  for (const line of lines.slice(first)) {
    if (line === '') break;
    const [name = '', ...cells] = line.split(/ {2,}/);
    rows.set(name, cells);
  }
  return rows;
}

/** The samples of Prometheus' text format: the value by the name and the labels. */
export function readPrometheus(text: string): { name: string; labels: Record<string, string>; value: number }[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, name = '', inBraces = '', value = ''] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
      const labels = [...inBraces.matchAll(/(\w+)="([^"]*)"/g)].map(
        ([, key = '', text_ = '']) => [key, text_] as const,
      );
      return { name, labels: Object.fromEntries(labels), value: Number(value) };
    });
}

/** The cells of RFC 4180, by the names in the first line. */
export function readCsv(text: string): Record<string, string>[] {
  const records: string[][] = [[]];
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n|$)/g)) {
    records.at(-1)?.push(quoted?.replaceAll('""', '"') ?? plain ?? '');
    if (end === '\r\n') records.push([]);
    else if (end === '') break;
  }
  const [names = [], ...rows] = records;
  return rows
    .filter(({ length }) => length === names.length)
    .map((row) => Object.fromEntries(names.map((name, index) => [name, row[index] ?? ''])));
}

/** A report, whose first line is a mark for the next run. */
export function readReport(file: string): PageElement {
  return parsePage(file.slice(file.indexOf('<!doctype html>')));
}

/** The figures at the top of a report: the number and what stands below it, by the name. */
export function readKeyFigures(page: PageElement): Map<string, { readonly figure: string; readonly of: string }> {
  const [list] = all(page, 'dl');
  const groups = list === undefined ? [] : all(list, 'div');
  return new Map(
    groups.map((group) => {
      const [figure, of] = all(group, 'dd');
      return [all(group, 'dt')[0]?.text ?? '', { figure: figure?.text ?? '', of: of?.text ?? '' }];
    }),
  );
}

/** The steps in the Markdown of a summary, by name. */
export function readSummary(text: string): {
  readonly headline: string;
  readonly steps: Map<string, readonly string[]>;
} {
  const rows = text
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('| |'))
    .map((line) => line.split('|').map((cell) => cell.trim()));
  return {
    headline: text.slice(0, text.indexOf('\n')).replace('## ', ''),
    steps: new Map(rows.map(([, , name = '', ...cells]) => [name, cells])),
  };
}
