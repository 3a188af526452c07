import { EventEmitter } from 'node:events';
import { IamError } from './aws-error.ts';
import { type Delivery, faultErrors, type HttpAnswer, transportFaults } from './faults.ts';
import type { Fault, FaultPlan } from './fault-plan.ts';
import { operations } from './operations.ts';
import type { Api } from './operations/operation.ts';
import { apiOf, type IamRequest, parseQueryRequest, renderError, renderOutput } from './query-protocol.ts';
import { type Caller, findCaller } from './records.ts';
import { createIamState, type IamState, type Random } from './state.ts';

/** A request over HTTP. Header names are in lower case. */
interface HttpRequest {
  /** The query string, without its question mark. */
  readonly query: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
}

/** What the mock records about a request. */
export interface IamCall {
  /** `CreateUser`, or whatever the request asks for, even if the mock does not know it. `none` if it asks for nothing. */
  readonly operation: string;
  /** The parameters as they arrived, without passwords. */
  readonly params: Readonly<Record<string, string>>;
  /** When the request arrived, in milliseconds since the epoch, by a clock that never goes back. */
  readonly atMs: number;
  /** The SDK's number of the attempt, from 1. Absent if the client did not send it. */
  readonly attempt?: number;
  readonly userAgent?: string;
  /** The fault that the request met: `Throttling`. */
  readonly fault?: string;
  /** Whether the operation took effect, even if the client got no answer. False at first for a late one. */
  carriedOut: boolean;
  /** HTTP status of the answer. Absent until it is written, and after a reset or a hang. */
  status?: number;
  /** Time from the arrival of the request until its answer is written or its connection is reset. Absent until then. */
  serviceMs?: number;
}

/** A request as it was understood, and the fault that it meets. */
interface Received {
  readonly parsed: IamRequest | IamError;
  readonly fault: Fault | undefined;
  readonly requestId: string;
  readonly api: Api;
  readonly accessKeyId: string | undefined;
}

/** How the transport answers a request. */
interface Exchange {
  /** How long to wait before the answer. */
  readonly delayMs: number;
  /** Gives the answer. To be called when the delay is over. */
  readonly deliver: () => Delivery;
  /** To be called when the answer has been written or the connection reset. */
  readonly settle: () => void;
}

export interface IamEvents {
  /** A request arrived. It has been carried out already, unless a fault prevents or delays that. */
  call: [IamCall];
  /** A late request was carried out or refused. */
  late: [IamCall];
  /** A request was answered, or its connection reset. */
  settled: [IamCall];
}

export interface IamEndpointOptions {
  /** @default an empty account */
  readonly state?: IamState;
  /** @default none */
  readonly faults?: FaultPlan;
  /** Gives the time that the next answer takes, in milliseconds. @default none */
  readonly latency?: () => number;
  /** Whether to record every request. A long-running server must not, as its memory would never stop growing. @default true */
  readonly keepCalls?: boolean;
}

/**
 * IAM without a transport: `startIamServer` puts it on a socket, `divertRequests` inside the SDK's client. It takes and
 * gives HTTP messages in both cases, so that the SDK itself parses the answers.
 */
export class IamEndpoint {
  readonly state: IamState;
  /** Every request so far, in the order of arrival; none with `keepCalls: false`. */
  readonly calls: IamCall[] = [];
  readonly events = new EventEmitter<IamEvents>();
  readonly #faults: FaultPlan;
  readonly #latency: () => number;
  readonly #keepCalls: boolean;

  constructor(options: IamEndpointOptions = {}) {
    this.state = options.state ?? createIamState();
    this.#faults = options.faults ?? { next: () => undefined };
    this.#latency = options.latency ?? (() => 0);
    this.#keepCalls = options.keepCalls ?? true;
  }

  /** Accepts a request and carries it out at once, unless the fault `late` applies. */
  receive(request: HttpRequest): Exchange {
    const atMs = performance.timeOrigin + performance.now();
    const form = new URLSearchParams(request.query);
    for (const [name, value] of new URLSearchParams(request.body)) form.append(name, value);

    const requestId = randomUuid(this.state.random);
    const parsed = parseRequest(request, form);
    const accessKeyId = accessKeyOf(request, form);
    const fault = parsed instanceof IamError ? undefined : this.#faults.next(parsed.operation, parsed.input);
    const call: IamCall = {
      ...describeRequest(request, form),
      atMs,
      ...(fault && { fault: fault.name }),
      carriedOut: false,
    };
    const isLate = fault?.kind === 'delay' && fault.name === 'late';
    let delivery: Delivery | undefined;
    const deliver = (): Delivery => {
      if (delivery === undefined) {
        delivery = this.#answer({ parsed, fault, requestId, api: apiOf(form), accessKeyId }, call);
        if (isLate) this.events.emit('late', call);
      }
      return delivery;
    };
    // A late request is carried out even if the client no longer waits for the answer.
    if (isLate) setTimeout(deliver, fault.delayMs).unref();
    else deliver();
    if (this.#keepCalls) this.calls.push(call);
    this.events.emit('call', call);
    return {
      delayMs: this.#latency() + (fault?.kind === 'delay' ? fault.delayMs : 0),
      deliver,
      settle: () => {
        if (typeof delivery === 'object') call.status = delivery.status;
        call.serviceMs = performance.timeOrigin + performance.now() - atMs;
        this.events.emit('settled', call);
      },
    };
  }

  /** Carries a request out as its fault demands, and notes in `call` whether it took effect. */
  #answer({ parsed, fault, requestId, api, accessKeyId }: Received, call: IamCall): Delivery {
    try {
      if (parsed instanceof IamError) throw parsed;
      const { operation, input } = parsed;
      if (fault?.kind === 'error') {
        throw new IamError(fault.name, ...faultErrors[fault.name]({ state: this.state, operation, input }));
      }
      const carryOut = (): HttpAnswer => {
        // Untyped, as it comes over the wire: the operation checks its input itself.
        const run = operations[operation].run as (...args: [IamState, IamRequest['input'], Caller]) => object;
        const output = run(this.state, input, findCaller(this.state, accessKeyId));
        call.carriedOut = true;
        return answerOf(200, renderOutput(operation, output, requestId), requestId);
      };
      return fault?.kind === 'transport' ? transportFaults[fault.name](carryOut) : carryOut();
    } catch (error) {
      // Any other error is a bug of the mock and must be seen as one.
      if (!(error instanceof IamError)) throw error;
      return answerOf(error.status, renderError(error, requestId, api), requestId);
    }
  }
}

/** What a request asks for, or why IAM refuses to read it. */
function parseRequest({ headers, query, body }: HttpRequest, form: URLSearchParams): IamRequest | IamError {
  if (/%(?![0-9a-f]{2})/i.test(query + body)) {
    return new IamError('MalformedQueryString', 404, 'The query string contains a syntax error.');
  }
  // Signatures are not checked, but there must be one.
  if (!headers['authorization'] && !form.has('X-Amz-Signature')) {
    return new IamError('MissingAuthenticationToken', 403, 'Request is missing Authentication Token');
  }
  return parseQueryRequest(form);
}

/** The id of the key that signed a request: `Credential=AKIDEXAMPLE/20261122/us-east-1/iam/aws4_request`. */
function accessKeyOf({ headers }: HttpRequest, form: URLSearchParams): string | undefined {
  const scope = /\bCredential=([^,\s]+)/.exec(headers['authorization'] ?? '')?.[1] ?? form.get('X-Amz-Credential');
  return scope?.split('/')[0];
}

function answerOf(status: number, body: string, requestId: string): HttpAnswer {
  return { status, headers: { 'content-type': 'text/xml', 'x-amzn-requestid': requestId }, body };
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

/** A version 4 UUID, the form of IAM's request ids. */
function randomUuid(random: Random): string {
  return '10000000-1000-4000-8000-100000000000'.replace(/[018]/g, (digit) =>
    (Number(digit) ^ (Math.floor(random() * 16) >> (Number(digit) / 4))).toString(16),
  );
}
