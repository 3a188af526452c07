import { EventEmitter } from 'node:events';
import { IAMServiceException } from '@aws-sdk/client-iam';
import { serviceError } from './aws-error.ts';
import { faultErrors } from './fault-errors.ts';
import { type Fault, type FaultPlan, noFaults } from './faults.ts';
import { type Latency, noLatency } from './latency.ts';
import { operations } from './operations.ts';
import { type IamRequest, parseQueryRequest } from './query-request.ts';
import { randomUuid } from './random.ts';
import { createIamState, type IamState } from './state.ts';
import { type Delivery, delivered, type HttpAnswer, spoil } from './transport-faults.ts';
import { renderError, renderOutput } from './xml-answer.ts';

/** A request over HTTP, whole. Header names are in lower case. */
export interface HttpRequest {
  /** The query string, without its question mark. */
  readonly query: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
}

/** What is remembered of a request. */
export interface IamCall {
  /** `CreateUser`; whatever the request said where it named none that there is. */
  readonly operation: string;
  /** The parameters as they came, without passwords. */
  readonly params: Readonly<Record<string, string>>;
  /** When the request was there, in milliseconds since the epoch. Never goes back. */
  readonly atMs: number;
  /** Which attempt of the SDK's this was, the first being 1; absent where the client did not say. */
  readonly attempt?: number;
  readonly userAgent?: string;
  /** The fault that the request met: `Throttling`. */
  readonly fault?: string;
  /** Whether the operation took effect, whatever the client heard of it. A late one is carried out after its call is noted. */
  carriedOut: boolean;
  /** HTTP status of the answer. Absent until there is one, and for good after a reset or a hang. */
  status?: number;
  /** From the request being there to its answer being written, or its connection being reset. Absent until then. */
  serviceMs?: number;
}

/** What is to be done with a request that has come in. */
export interface Exchange {
  /** How long to wait before the answer. */
  readonly delayMs: number;
  /** The answer, once the delay is over. */
  readonly deliver: () => Delivery;
  /** To be called when the answer is written or the connection reset. */
  readonly settle: () => void;
}

/**
 * `call`: a request has come in and, unless it is late, was carried out, if it is at all. `late`: it was carried out now,
 * or refused. `settled`: it was answered, or its connection reset.
 */
export interface IamEvents {
  call: [IamCall];
  late: [IamCall];
  settled: [IamCall];
}

/** What an endpoint is made of. */
export interface IamEndpointOptions {
  /** @default an empty account */
  readonly state?: IamState;
  /** @default none */
  readonly faults?: FaultPlan;
  /** @default none */
  readonly latency?: Latency;
  /**
   * Whether to remember every request. A server that runs for long must not: its memory would never stop growing.
   * @default true
   */
  readonly keepCalls?: boolean;
}

/**
 * IAM behind whatever carries its requests: `startIamServer` puts it on a socket, `installIamMock` inside the SDK's client.
 * It speaks HTTP in both cases, so that what the SDK makes of an answer is the SDK's own doing.
 */
export class IamEndpoint {
  readonly state: IamState;
  /** Every request so far, in the order of arrival. Empty if calls are not kept. */
  readonly calls: IamCall[] = [];
  readonly events = new EventEmitter<IamEvents>();
  readonly #faults: FaultPlan;
  readonly #latency: Latency;
  readonly #keepCalls: boolean;

  constructor(options: IamEndpointOptions = {}) {
    const { state = createIamState(), faults = noFaults, latency = noLatency, keepCalls = true } = options;
    this.state = state;
    this.#faults = faults;
    this.#latency = latency;
    this.#keepCalls = keepCalls;
  }

  /** Accepts a request and carries it out at once, unless the fault `late` applies. */
  receive(request: HttpRequest): Exchange {
    const atMs = performance.timeOrigin + performance.now();
    const form = new URLSearchParams(request.query);
    for (const [name, value] of new URLSearchParams(request.body)) form.append(name, value);

    const { fault, carryOut } = this.#prepare(request, form);
    const call: IamCall = {
      ...describeRequest(request, form),
      atMs,
      ...(fault && { fault: fault.name }),
      carriedOut: false,
    };
    let delivery: Delivery | undefined;
    const deliver = (): Delivery => {
      if (delivery === undefined) {
        const outcome = carryOut();
        ({ delivery } = outcome);
        call.carriedOut = outcome.carriedOut;
        if (isLate) this.events.emit('late', call);
      }
      return delivery;
    };
    const isLate = fault?.kind === 'delay' && fault.name === 'late';
    // Even if nobody waits for the answer any more.
    if (isLate) setTimeout(deliver, fault.delayMs).unref();
    else deliver();
    if (this.#keepCalls) this.calls.push(call);
    this.events.emit('call', call);
    return {
      delayMs: this.#latency() + (fault?.kind === 'delay' ? fault.delayMs : 0),
      deliver,
      settle: () => {
        if (delivery?.kind === 'answer') call.status = delivery.answer.status;
        call.serviceMs = performance.timeOrigin + performance.now() - atMs;
        this.events.emit('settled', call);
      },
    };
  }

  /** Reads a request and says which fault it meets, and how to carry it out. */
  #prepare(
    { headers, query, body }: HttpRequest,
    form: URLSearchParams,
  ): { readonly fault?: Fault; readonly carryOut: () => { carriedOut: boolean; delivery: Delivery } } {
    const requestId = randomUuid(this.state.random);
    try {
      refuseMalformed(query + body);
      refuseUnsigned(headers, form);
      const parsed = parseQueryRequest(form);
      const fault = this.#faults.next(parsed.operation, parsed.input);
      return { ...(fault && { fault }), carryOut: () => this.#carryOut(parsed, fault, requestId) };
    } catch (error) {
      const delivery = deliverError(error, requestId);
      return { carryOut: () => ({ carriedOut: false, delivery }) };
    }
  }

  #carryOut(
    parsed: IamRequest,
    fault: Fault | undefined,
    requestId: string,
  ): { carriedOut: boolean; delivery: Delivery } {
    let carriedOut = false;
    const run = (): HttpAnswer => {
      const answer = this.#run(parsed, requestId);
      carriedOut = true;
      return answer;
    };
    try {
      if (fault?.kind === 'error') throw faultErrors[fault.name]({ state: this.state, ...parsed });
      const delivery = fault?.kind === 'transport' ? spoil(fault.name, run) : delivered(run());
      return { carriedOut, delivery };
    } catch (error) {
      return { carriedOut, delivery: deliverError(error, requestId) };
    }
  }

  #run({ operation, input }: IamRequest, requestId: string): HttpAnswer {
    // The one place where types end: what came over the wire is an input because the operation checks it.
    const run = operations[operation].run as (state: IamState, input: IamRequest['input']) => object;
    return answerOf(200, renderOutput(operation, run(this.state, input), requestId), requestId);
  }
}

/** @throws everything that is no answer of IAM: a bug of the mock, which must be seen as one */
function deliverError(error: unknown, requestId: string): Delivery {
  if (!(error instanceof IAMServiceException)) throw error;
  return delivered(answerOf(error.$metadata.httpStatusCode ?? 500, renderError(error, requestId), requestId));
}

function answerOf(status: number, body: string, requestId: string): HttpAnswer {
  return { status, headers: { 'content-type': 'text/xml', 'x-amzn-requestid': requestId }, body };
}

function refuseMalformed(encoded: string): void {
  if (!/%(?![0-9a-f]{2})/i.test(encoded)) return;
  throw serviceError('MalformedQueryString', 404, 'The query string contains a syntax error.');
}

/** Signatures are not checked, but something must have signed. */
function refuseUnsigned(headers: HttpRequest['headers'], form: URLSearchParams): void {
  if (headers['authorization'] || form.has('X-Amz-Signature')) return;
  throw serviceError('MissingAuthenticationToken', 403, 'Request is missing Authentication Token');
}

function describeRequest(
  { headers }: HttpRequest,
  form: URLSearchParams,
): Pick<IamCall, 'operation' | 'params' | 'attempt' | 'userAgent'> {
  const { Action: operation = 'none', Version: _version, ...params } = Object.fromEntries(form);
  if ('Password' in params) params['Password'] = '…';
  const attempt = /attempt=(\d+)/.exec(headers['amz-sdk-request'] ?? '')?.[1];
  const userAgent = headers['user-agent'];
  return {
    operation,
    params,
    ...(attempt && { attempt: Number(attempt) }),
    ...(userAgent && { userAgent }),
  };
}
