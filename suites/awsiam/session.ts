import type { IAM } from '@aws-sdk/client-iam';
import packageJson from '../../package.json' with { type: 'json' };
import { settleWithin } from '../../runner/deadline.ts';
import type { RunFacts, RunMode } from '../../runner/monitor-run.ts';
import type { Config } from './settings/config.ts';
import type { Entities, UnansweredCreations } from './entities.ts';
import { makeNames, testPolicyArn, type EntityNames } from './names.ts';
import type { RetryHistory } from './client/retry-history.ts';
import type { Credentials } from './settings/secrets.ts';
import type { Transport } from './client/transport.ts';

/** What the steps of one run share. */
export interface Session {
  readonly config: Config;
  readonly names: EntityNames;
  readonly entities: Entities;
  readonly unanswered: UnansweredCreations;
  /** ARN of an entity that this run made. It holds the partition and the account. */
  entityArn?: string;
  /** The one client of the run, over the transport. */
  readonly iam: IAM;
  readonly history: RetryHistory;
  readonly transport: Transport;
  /** What the client signs with. Absent in an offline run. */
  readonly credentials?: Credentials;
  readonly elapsedMs: () => number;
}

/** How often one call may be sent, including the first time. */
const maxAttempts = 3;

const elapsedMs = (): number => performance.now();

/** Time limit for connecting. IAM answers a handshake in well under a second from anywhere. */
export const connectionTimeoutMs = 5000;

const loadSdk = () =>
  Promise.all([
    import('./client/sdk.ts'),
    import('./client/credential-search.ts'),
    import('./client/iam-answer.ts'),
    import('./client/retry-history.ts'),
    import('./client/transport.ts'),
  ]);

/** Loads the SDK and, for a live run, warms it up. The warm-up is only for speed, so it may fail. */
export async function prepare({ mode }: { readonly mode: RunMode }): Promise<void> {
  await loadSdk();
  if (mode === 'offline') return;
  const { warmUp } = await import('./client/warm-up.ts');
  await warmUp().catch(() => {});
}

/**
 * Prepares everything that a step's time should not contain: the client, the credentials and the first connection. Makes
 * no call to IAM.
 *
 * The SDK is loaded here and in {@link prepare}, not at the top of this file, so that a configuration error is reported
 * at once.
 *
 * @throws {NoCredentialsError} if no credentials are found, or the signal is aborted during the search
 * @throws {ConfigError} if the SDK refuses one of its own settings
 */
export async function openSession(
  config: Config,
  { mode, signal }: { readonly mode: RunMode; readonly signal: AbortSignal },
): Promise<Session> {
  const [{ IAM }, { CredentialSearch, silentLogger }, { refuseUnreadable }, { RetryHistory }, { Transport }] =
    await loadSdk();
  const { requestTimeoutMs, proxyEnvironment } = config;
  const transport = new Transport({ connectionTimeoutMs, requestTimeoutMs, proxyEnvironment, elapsedMs });
  const search = new CredentialSearch(transport.credentialsHandler);
  const history = new RetryHistory(maxAttempts, elapsedMs);
  const iam = new IAM({
    region: config.region,
    ...(config.endpoint !== undefined && { endpoint: config.endpoint }),
    // A copy: the SDK writes into it.
    credentials: config.credentials ? { ...config.credentials } : search.provider,
    retryStrategy: history,
    requestHandler: transport.handler,
    logger: silentLogger,
    customUserAgent: [[packageJson.name, packageJson.version]],
  });
  iam.middlewareStack.use(refuseUnreadable);
  const session: Session = {
    config,
    names: makeNames(config.namespace, new Date(), Math.random),
    entities: { user: 'absent', group: 'absent', membership: 'absent', attachment: 'absent' },
    unanswered: { user: 0, group: 0, membership: 0, attachment: 0 },
    iam,
    history,
    transport,
    elapsedMs,
  };
  if (mode === 'offline') return session;
  const { prepareFirstCall } = await import('./client/warm-up.ts');
  try {
    const credentials = await settleWithin(prepareFirstCall(iam, transport, signal), signal, 0);
    return { ...session, credentials };
  } catch (error) {
    closeSession(session);
    throw signal.aborted ? search.unfinished() : error;
  }
}

/**
 * The policy that the run attaches: the one that the user chose, else the test policy of the account.
 *
 * @throws {UnknownAccountError}
 */
export function policyArnOf({ config, entityArn }: Session): string {
  if (config.policyArn !== undefined) return config.policyArn;
  if (entityArn === undefined) throw new UnknownAccountError();
  return testPolicyArn(entityArn, config.namespace, config.region);
}

/** No answer named the account: the answers to both creating calls were lost, and those to their repetitions have no ARN. */
export class UnknownAccountError extends Error {
  override readonly name = 'UnknownAccount';

  constructor() {
    super('the account is unknown: the answers that would have named it were lost');
  }
}

/** IAM's time minus this host's, as the SDK learns it from the dates of IAM's answers. */
export function clockOffsetMs({ iam }: Session): number {
  return iam.config.systemClockOffset;
}

/** Where a run works: its settings, the endpoint, the account in the ARN of what it made, and the name of its user. */
export function factsOf(
  { namespace, region }: Config,
  session?: Pick<Session, 'entityArn' | 'names' | 'transport'>,
): RunFacts {
  const endpoint = session?.transport.host;
  const account = session?.entityArn?.split(':')[4] ?? '';
  return {
    namespace,
    region,
    ...(endpoint !== undefined && { endpoint }),
    ...(/^\d{12}$/.test(account) && { account }),
    ...(session !== undefined && { testUser: session.names.user }),
  };
}

/** Closes connections. The session cannot be used afterwards. */
export function closeSession({ iam, transport }: Pick<Session, 'iam' | 'transport'>): void {
  iam.destroy();
  transport.close();
}
