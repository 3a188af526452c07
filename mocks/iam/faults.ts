import { describeValue } from '../../host/setting-text.ts';
import { type FaultErrorName, faultErrors } from './fault-errors.ts';
import { type ReadOption, refuseProblems } from './option-problems.ts';
import { isOperationName, operations } from './operations.ts';

/** What can go wrong on the way, with what becomes of the request. */
const transportFaults = {
  'reset-before': 'the connection is reset; the request is not carried out',
  'reset-after': 'the request is carried out; the connection is reset before the answer',
  truncated: 'the request is carried out; the XML of the answer stops halfway',
  html: "a proxy's HTML page with status 200; the request is not carried out",
  xhtml: 'the same as well-formed XML, which the SDK takes for a success',
  'html-500':
    'an HTML page with status 500, as from an emulator that lacks the operation; the request is not carried out',
  'html-502': "a proxy's HTML page with status 502; the request is not carried out",
  empty: 'status 200 without a body; the request is not carried out',
  hang: 'no answer, ever; the request is not carried out',
  'hang-after': 'the request is carried out; no answer, ever',
} as const;

/** Faults that take a time: the answer comes later, or the request itself is carried out later, answered or not. */
const delays = {
  slow: 'the request is carried out at once; its answer comes so many milliseconds later',
  late: 'the request is carried out so many milliseconds later, also when the client has gone',
} as const;

type DelayName = keyof typeof delays;

/** The name of a fault of the connection, or of something between the client and IAM. */
export type TransportFaultName = keyof typeof transportFaults;

/** What goes wrong with one request. `name` is as it was written: `Throttling`, `reset-after`. */
export type Fault =
  | { readonly kind: 'error'; readonly name: FaultErrorName }
  | { readonly kind: 'transport'; readonly name: TransportFaultName }
  | { readonly kind: 'delay'; readonly name: DelayName; readonly delayMs: number };

/** Which requests go wrong, and how. */
export interface FaultPlan {
  /** What goes wrong with the next request of this operation and input. Asking uses the fault up. */
  readonly next: (operation: string, input?: Readonly<Record<string, unknown>>) => Fault | undefined;
}

/** A fault and how many requests of the operation it is for; without a count, for all that follow. */
interface FaultRule {
  readonly operation: string;
  readonly fault: Fault;
  readonly count: number;
}

/** No fault at all. */
export const noFaults: FaultPlan = { next: () => undefined };

/**
 * Makes a plan from the text of `AWSIAM_MOCK_FAULTS`: `<Operation>=<fault>[:<requests>]`, separated by commas.
 *
 *     CreateGroup=ServiceFailure:1,CreateUser=slow:1500,AddUserToGroup=NoSuchEntity:2,DeleteUser=hang
 *
 * Without a number of requests the fault stays. `slow` and `late` need their milliseconds first: `slow:1500:1`. Several
 * faults of one operation take effect one after the other, in the order in which they are written.
 * @throws Error that lists everything wrong with the text, and what would have been right
 */
export function createFaultPlan(text: string): FaultPlan {
  const { value, problems } = readFaults(text);
  refuseProblems(problems);
  return value;
}

/** Reads a plan without throwing; see `createFaultPlan`. */
export function readFaults(text: string): ReadOption<FaultPlan> {
  if (text.trim() === '') return { value: noFaults, problems: [] };
  const problems: string[] = [];
  const rules: FaultRule[] = [];
  for (const entry of text.split(',').map((part) => part.trim())) {
    const rule = readRule(entry);
    if (typeof rule === 'string') problems.push(rule);
    else if (rules.some(({ operation, count }) => operation === rule.operation && count === Infinity)) {
      problems.push(`"${entry}" is never reached: the fault of ${rule.operation} before it has no number of requests`);
    } else rules.push(rule);
  }
  if (problems.length > 0) problems.push(...describeGrammar());
  return { value: planOf(rules), problems };
}

function planOf(rules: readonly FaultRule[]): FaultPlan {
  const left = rules.map((rule) => ({ ...rule }));
  return {
    next(operation) {
      const rule = left.find((candidate) => candidate.operation === operation && candidate.count > 0);
      if (!rule) return undefined;
      rule.count -= 1;
      return rule.fault;
    },
  };
}

/** One entry of the text as a rule, or what is wrong with it. */
function readRule(entry: string): FaultRule | string {
  const [, operation, name, numbers = ''] = /^([^=:]+)=([^=:]+)((?::[^:]*)*)$/.exec(entry) ?? [];
  if (operation === undefined || name === undefined) {
    return `${describeValue(entry)} is not of the form <Operation>=<fault>[:<requests>]`;
  }
  if (!isOperationName(operation)) return `no operation is called ${describeUnknown(operation)}`;
  const values = numbers.split(':').slice(1);
  if (!values.every((value) => /^[1-9]\d{0,8}$/.test(value))) {
    return `"${entry}": ${numbers.slice(1) || 'an empty text'} is not a whole number above 0`;
  }
  const [first, second, third] = values.map(Number);
  if (isDelayName(name)) {
    if (first === undefined || third !== undefined) return `"${entry}": ${name} is written ${name}:<ms>[:<requests>]`;
    return { operation, fault: { kind: 'delay', name, delayMs: first }, count: second ?? Infinity };
  }
  if (second !== undefined) return `"${entry}": ${name} takes one number, that of the requests`;
  const count = first ?? Infinity;
  if (isErrorName(name)) return { operation, fault: { kind: 'error', name }, count };
  if (isTransportName(name)) return { operation, fault: { kind: 'transport', name }, count };
  return `no fault is called ${describeUnknown(name)}`;
}

function isErrorName(name: string): name is FaultErrorName {
  return Object.hasOwn(faultErrors, name);
}

function isTransportName(name: string): name is TransportFaultName {
  return Object.hasOwn(transportFaults, name);
}

function isDelayName(name: string): name is DelayName {
  return Object.hasOwn(delays, name);
}

/** A misspelt known name is certainly no secret. */
function describeUnknown(name: string): string {
  const hint = suggest(name);
  return hint === '' ? describeValue(name) : name + hint;
}

/** Helps those who write a step's name, another case, or the SDK's name of an error. */
function suggest(name: string): string {
  const steps: Readonly<Record<string, string>> = {
    attachpolicy: 'AttachUserPolicy',
    detachpolicy: 'DetachUserPolicy',
  };
  const wanted = name.toLowerCase().replace(/(command|exception)$/, '');
  const known = [operations, faultErrors, transportFaults, delays].flatMap((names) => Object.keys(names));
  const step = Object.hasOwn(steps, wanted) ? steps[wanted] : undefined;
  const meant = step ?? known.find((candidate) => candidate.toLowerCase() === wanted);
  return meant ? `; did you mean ${meant}?` : '';
}

function describeGrammar(): string[] {
  return [
    `operations: ${Object.keys(operations).join(', ')}`,
    `faults: ${[
      ...Object.keys(faultErrors),
      ...Object.keys(transportFaults),
      ...Object.keys(delays).map((name) => `${name}:<ms>`),
    ].join(', ')}`,
  ];
}
