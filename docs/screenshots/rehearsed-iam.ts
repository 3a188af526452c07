import type { Fault, FaultPlan } from '../../mocks/iam/fault-plan.ts';
import { createRandom } from '../../mocks/iam/state.ts';
import { readMockOptions } from '../../mocks/mock-options.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/** What goes wrong for a while, before the end of the rehearsal. */
interface Incident {
  readonly name: 'outage' | 'slow' | 'expired key' | 'throttling';
  readonly beforeEndMs: number;
  readonly forMs: number;
}

const incidents: readonly Incident[] = [
  { name: 'throttling', beforeEndMs: 6 * dayMs - 2 * hourMs, forMs: 50 * minuteMs },
  { name: 'slow', beforeEndMs: 4 * dayMs + 4 * hourMs, forMs: 5 * hourMs },
  { name: 'expired key', beforeEndMs: 2 * dayMs + 9 * hourMs, forMs: 90 * minuteMs },
  { name: 'outage', beforeEndMs: 7 * hourMs, forMs: hourMs },
];

/** How IAM behaves at a moment of the rehearsal: a plan of faults for the mock, and how long its answers take. */
export class RehearsedIam implements FaultPlan {
  readonly #endMs: number;
  readonly #nowMs: () => number;
  readonly #random = createRandom(11);
  readonly #answerMs = readMockOptions({ AWSIAM_MOCK_LATENCY: '96-310', AWSIAM_MOCK_SEED: '11' }).latency;
  /** How many more requests do not see the new user yet. */
  #notYetVisible = 0;

  constructor(options: { readonly endMs: number; readonly nowMs: () => number }) {
    this.#endMs = options.endMs;
    this.#nowMs = options.nowMs;
  }

  next(operation: string): Fault | undefined {
    if (this.#is('expired key')) return { kind: 'error', name: 'ExpiredToken' };
    if (operation === 'CreateGroup' && this.#is('outage')) return { kind: 'error', name: 'ServiceFailure' };
    if (this.#is('throttling') && this.#random() < 0.15) return { kind: 'error', name: 'Throttling' };
    if (operation === 'CreateUser')
      this.#notYetVisible = this.#random() < 0.03 ? 1 + Math.floor(this.#random() * 4) : 0;
    if (operation !== 'AddUserToGroup' || this.#notYetVisible === 0) return undefined;
    this.#notYetVisible -= 1;
    return { kind: 'error', name: 'NoSuchEntity' };
  }

  /** How long the next answer takes. IAM is a little slower in the afternoon. */
  answerMs(): number {
    const hour = (this.#nowMs() % dayMs) / hourMs;
    const busy = 1 + 0.15 * Math.sin(((hour - 9) / 24) * 2 * Math.PI);
    return this.#answerMs() * busy * (this.#is('slow') ? 7 : 1);
  }

  #is(name: Incident['name']): boolean {
    const leftMs = this.#endMs - this.#nowMs();
    return incidents.some(
      (incident) =>
        incident.name === name && leftMs <= incident.beforeEndMs && leftMs > incident.beforeEndMs - incident.forMs,
    );
  }
}
