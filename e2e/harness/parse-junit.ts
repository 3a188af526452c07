import { XMLParser } from 'fast-xml-parser';

/** A report as a consumer reads it. The verdict of a test case is the type of its failure or error. */
export interface JunitSuite {
  readonly tests: number;
  readonly failures: number;
  readonly errors: number;
  readonly skipped: number;
  readonly timestamp: string;
  readonly cases: readonly JunitCase[];
  readonly systemOut: string;
}

export interface JunitCase {
  readonly name: string;
  readonly classname: string;
  readonly timeSecs: number;
  readonly outcome: 'passed' | 'failure' | 'error' | 'skipped';
  readonly verdict?: string;
  readonly message?: string;
  readonly properties: Readonly<Record<string, string>>;
}

type Element = Readonly<Record<string, unknown>>;

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: '@',
  parseAttributeValue: false,
  parseTagValue: false,
  isArray: (name) => name === 'testcase' || name === 'property',
});

export function parseJunit(xml: string): JunitSuite {
  const { testsuites } = parser.parse(xml, true) as { testsuites: { testsuite: Element } };
  const suite = testsuites.testsuite;
  const count = (name: string): number => Number(suite[`@${name}`]);
  return {
    tests: count('tests'),
    failures: count('failures'),
    errors: count('errors'),
    skipped: count('skipped'),
    timestamp: text(suite['@timestamp']),
    cases: ((suite['testcase'] ?? []) as Element[]).map(parseCase),
    systemOut: text(suite['system-out']),
  };
}

function parseCase(element: Element): JunitCase {
  const outcome = (['failure', 'error', 'skipped'] as const).find((name) => name in element) ?? 'passed';
  const detail = element[outcome] as Element | undefined;
  const { property = [] } = (element['properties'] ?? {}) as { property?: Element[] };
  return {
    name: text(element['@name']),
    classname: text(element['@classname']),
    timeSecs: Number(element['@time']),
    outcome,
    ...(detail?.['@type'] !== undefined && { verdict: text(detail['@type']) }),
    ...(detail?.['@message'] !== undefined && { message: text(detail['@message']) }),
    properties: Object.fromEntries(property.map((each) => [text(each['@name']), text(each['@value'])])),
  };
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '');
