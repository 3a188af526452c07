import { describeValue } from '../../host/setting-text.ts';
import { faultErrors, transportFaults } from './faults.ts';
import { isOperationName, operations } from './operations.ts';

/**
 * Faults with a delay in milliseconds. `slow`: the request is carried out at once and answered after the delay. `late`: it is
 * carried out after the delay, even if the client no longer waits.
 */
const delays = { slow: true, late: true };

type ErrorName = keyof typeof faultErrors;
type TransportFaultName = keyof typeof transportFaults;
type DelayName = keyof typeof delays;

/** What goes wrong with one request. `name` is as it was written: `Throttling`, `reset-after`. */
export type Fault =
  | { readonly kind: 'error'; readonly name: ErrorName }
  | { readonly kind: 'transport'; readonly name: TransportFaultName }
  | { readonly kind: 'delay'; readonly name: DelayName; readonly delayMs: number };

/** Which requests go wrong, and how. */
export interface FaultPlan {
  /** What goes wrong with the next request of this operation and input. Each call uses the fault up once. */
  readonly next: (operation: string, input?: Readonly<Record<string, unknown>>) => Fault | undefined;
}

/** A fault, and how many more requests of the operation meet it: `Infinity` for all. */
interface FaultRule {
  readonly operation: string;
  readonly fault: Fault;
  count: number;
}

/**
 * Makes a plan from the text of `AWSIAM_MOCK_FAULTS`: `<Operation>=<fault>[:<requests>]`, separated by commas.
 *
 *     CreateGroup=ServiceFailure:1,CreateUser=slow:1500,AddUserToGroup=NoSuchEntity:2,DeleteUser=hang
 *
 * Without a number of requests, the fault applies to all. `slow` and `late` need their milliseconds first: `slow:1500:1`.
 * Several faults of one operation take effect one after the other, in the order in which they are written.
 * @throws Error that lists everything wrong with the text, and what is valid
 */
export function createFaultPlan(text: string): FaultPlan {
  const { plan, problems } = readFaults(text);
  if (problems.length > 0) throw new Error(problems.join('\n'));
  return plan;
}

/** Reads a plan without throwing; see `createFaultPlan`. */
export function readFaults(text: string): { readonly plan: FaultPlan; readonly problems: readonly string[] } {
  const problems: string[] = [];
  const rules: FaultRule[] = [];
  const entries = text.trim() === '' ? [] : text.split(',').map((part) => part.trim());
  for (const entry of entries) {
    const rule = readRule(entry);
    if (typeof rule === 'string') problems.push(rule);
    else if (rules.some(({ operation, count }) => operation === rule.operation && count === Infinity)) {
      problems.push(`"${entry}" is never reached: the fault of ${rule.operation} before it has no number of requests`);
    } else rules.push(rule);
  }
  if (problems.length > 0) problems.push(...listValidNames());
  return { plan: planOf(rules), problems };
}

function planOf(rules: readonly FaultRule[]): FaultPlan {
  return {
    next(operation) {
      const rule = rules.find((candidate) => candidate.operation === operation && candidate.count > 0);
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
  if (isKeyOf(delays, name)) {
    if (first === undefined || third !== undefined) return `"${entry}": ${name} is written ${name}:<ms>[:<requests>]`;
    return { operation, fault: { kind: 'delay', name, delayMs: first }, count: second ?? Infinity };
  }
  if (second !== undefined) return `"${entry}": ${name} takes one number, that of the requests`;
  const count = first ?? Infinity;
  if (isKeyOf(faultErrors, name)) return { operation, fault: { kind: 'error', name }, count };
  if (isKeyOf(transportFaults, name)) return { operation, fault: { kind: 'transport', name }, count };
  return `no fault is called ${describeUnknown(name)}`;
}

function isKeyOf<Key extends string>(names: Readonly<Record<Key, unknown>>, name: string): name is Key {
  return Object.hasOwn(names, name);
}

/** Suggests the right name if this is a step's name, the SDK's name for an error, or has the wrong case. */
function describeUnknown(name: string): string {
  const steps = new Map([
    ['attachpolicy', 'AttachUserPolicy'],
    ['detachpolicy', 'DetachUserPolicy'],
  ]);
  const wanted = name.toLowerCase().replace(/(command|exception)$/, '');
  const known = [operations, faultErrors, transportFaults, delays].flatMap((names) => Object.keys(names));
  const meant = steps.get(wanted) ?? known.find((candidate) => candidate.toLowerCase() === wanted);
  // A misspelt known name is certainly no secret.
  return meant === undefined ? describeValue(name) : `${name}; did you mean ${meant}?`;
}

function listValidNames(): string[] {
  const faults = [faultErrors, transportFaults].flatMap((names) => Object.keys(names));
  const delayed = Object.keys(delays).map((name) => `${name}:<ms>`);
  return [
    `operations: ${Object.keys(operations).toSorted().join(', ')}`,
    `faults: ${[...faults, ...delayed].join(', ')}`,
  ];
}
