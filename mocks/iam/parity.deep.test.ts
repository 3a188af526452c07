/**
 * The mock in memory is useful only if it behaves like the SDK with a server. These tests send the same requests over a
 * socket, in memory, and in memory behind aws-sdk-client-mock, and compare the outcomes.
 */
import { type EventEmitter, once } from 'node:events';
import {
  AddUserToGroupCommand,
  CreateGroupCommand,
  CreateUserCommand,
  DeleteGroupCommand,
  DeleteUserCommand,
  type IAMClient,
  RemoveUserFromGroupCommand,
} from '@aws-sdk/client-iam';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { installIamMock } from './client-mock.ts';
import { type IamCall, IamEndpoint, type IamEndpointOptions, type IamEvents } from './endpoint.ts';
import { createFaultPlan } from './fault-plan.ts';
import { divertRequests } from './in-memory.ts';
import { listEntities } from './seeding.ts';
import { startIamServer } from './server.ts';
import { createIamState, type IamState } from './state.ts';
import { testClient } from './testing/clients.ts';

/** What the client gets, what remains in the account, and the calls that the mock recorded. */
interface Account {
  readonly outcomes: unknown[];
  readonly entities: unknown;
  readonly calls: unknown[];
}

const clientConfig = { requestHandler: { requestTimeout: 250, throwOnRequestTimeout: true } };

async function sendAll(client: IAMClient): Promise<unknown[]> {
  const names = { UserName: 'bob', GroupName: 'ops' };
  return [
    await outcomeOf(client.send(new CreateUserCommand({ ...names, Path: '/users/' }))),
    await outcomeOf(client.send(new CreateGroupCommand(names))),
    await outcomeOf(client.send(new AddUserToGroupCommand(names))),
    await outcomeOf(client.send(new RemoveUserFromGroupCommand(names))),
    await outcomeOf(client.send(new DeleteGroupCommand(names))),
    await outcomeOf(client.send(new DeleteUserCommand(names))),
  ];
}

async function outcomeOf(sending: Promise<unknown>): Promise<unknown> {
  return sending.catch((error: Error) => {
    const { $response, $responseBodyText, stack: _stack, ...own } = error as Error & Record<string, unknown>;
    const { statusCode } = ($response ?? {}) as { statusCode?: number };
    const { name, message } = error;
    return { class: error.constructor.name, ...own, name, message, responseStatus: statusCode, $responseBodyText };
  });
}

async function abortInFlight(client: IAMClient, events: EventEmitter<IamEvents>, reason: unknown): Promise<unknown> {
  const abort = new AbortController();
  const outcome = outcomeOf(client.send(new CreateUserCommand({ UserName: 'bob' }), { abortSignal: abort.signal }));
  await once(events, 'call');
  abort.abort(reason);
  return outcome;
}

/** A call without what depends on the clock or on the client's address. */
function summary({ operation, params, attempt, fault, carriedOut, status }: IamCall): unknown {
  return { operation, params, attempt, fault, carriedOut, status };
}

function options(faults: string): IamEndpointOptions & { readonly state: IamState } {
  return { state: createIamState({ now: () => new Date('2026-11-22T12:00:00Z') }), faults: createFaultPlan(faults) };
}

async function overTheWire(faults: string): Promise<Account> {
  const server = await startIamServer(options(faults));
  try {
    const outcomes = await sendAll(testClient({ ...clientConfig, endpoint: server.url }));
    return { outcomes, entities: listEntities(server.state), calls: server.calls.map(summary) };
  } finally {
    await server.close();
  }
}

type MockInMemory = Pick<IamEndpoint, 'state' | 'calls' | 'events'> & { readonly restore: () => void };

/** The ways to put the mock into this process. */
const ways: Readonly<Record<string, (options: IamEndpointOptions) => MockInMemory>> = {
  'in memory': (endpointOptions) => {
    const endpoint = new IamEndpoint(endpointOptions);
    const { state, calls, events } = endpoint;
    return { state, calls, events, restore: divertRequests(endpoint) };
  },
  'behind aws-sdk-client-mock': installIamMock,
};

async function inProcess(put: (typeof ways)[string], faults: string): Promise<Account> {
  const mock = put(options(faults));
  try {
    const outcomes = await sendAll(testClient(clientConfig));
    return { outcomes, entities: listEntities(mock.state), calls: mock.calls.map(summary) };
  } finally {
    mock.restore();
  }
}

describe.each(Object.entries(ways))('the mock %s behaves like the SDK over a socket', (_way, put) => {
  // The SDK computes its delays between attempts with Math.random(). With this mock they are all 0 ms.
  beforeEach(() => void vi.spyOn(Math, 'random').mockReturnValue(0));
  afterEach(() => void vi.restoreAllMocks());

  test.each([
    'ServiceFailure:1',
    'ServiceFailure',
    'InternalFailure',
    'ServiceUnavailable',
    'Throttling:2',
    'ThrottlingException',
    'RequestLimitExceeded',
    'AccessDenied',
    'ExpiredToken',
    'InvalidClientTokenId',
    'SignatureDoesNotMatch',
    'RequestExpired',
    'OptInRequired',
    'LimitExceeded',
    'EntityAlreadyExists',
    'NoSuchEntity:2',
    'DeleteConflict:1',
    'ConcurrentModification',
    'EntityTemporarilyUnmodifiable',
    'UnmodifiableEntity',
    'InvalidInput',
    'reset-before:1',
    'reset-before',
    'reset-after:1',
    'reset-after',
    'truncated',
    'html',
    'xhtml',
    'html-500',
    'html-502',
    'empty',
    'hang:1',
    'hang',
    'hang-after:1',
    'slow:5',
    'late:5',
    'late:600000',
  ])('with %s', async (fault) => {
    const faults = ['CreateUser', 'AddUserToGroup', 'DeleteGroup'].map((name) => `${name}=${fault}`).join(',');
    const wire = await overTheWire(faults);
    expect(await inProcess(put, faults)).toEqual(wire);
  });

  test.each([undefined, new Error('the step is over'), 'a text'])('aborted in flight because of %s', async (reason) => {
    const wire = await startIamServer(options('CreateUser=hang'));
    const onWire = await abortInFlight(testClient({ endpoint: wire.url }), wire.events, reason);
    await wire.close();
    const mock = put(options('CreateUser=hang'));
    const inMock = await abortInFlight(testClient(), mock.events, reason);
    mock.restore();
    expect(inMock).toEqual(onWire);
    expect(inMock).toMatchObject({ name: 'AbortError' });
  });

  test('without a fault', async () => {
    const wire = await overTheWire('');
    expect(wire.entities).toEqual({ users: [], groups: [] });
    expect(await inProcess(put, '')).toEqual(wire);
  });
});
