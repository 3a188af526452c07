import type { IAM } from '@aws-sdk/client-iam';
import packageJson from '../../package.json' with { type: 'json' };
import type { RunMode } from '../../runner/monitor-run.ts';
import type { Config } from './settings/config.ts';
import type { Entities } from './entities.ts';
import { makeNames, testPolicyArn, type EntityNames } from './names.ts';
import type { RetryHistory } from './client/retry-history.ts';
import type { Credentials } from './settings/secrets.ts';
import type { Transport } from './client/transport.ts';

/** What the steps of one run share. */
export interface Session {
  readonly config: Config;
  readonly names: EntityNames;
  readonly entities: Entities;
  /** ARN of an entity that this run made: it tells the partition and the account. */
  entityArn?: string;
  /** The one client of the run, over the transport. */
  readonly iam: IAM;
  readonly history: RetryHistory;
  readonly transport: Transport;
  /** What the client signs with, as far as that is known before the first step. */
  readonly credentials?: Credentials;
  readonly elapsedMs: () => number;
}

/** Of one call: the first one included. */
const attempts = 3;

const elapsedMs = (): number => performance.now();

/** The longest that connecting may take: IAM answers a handshake in well under a second from everywhere. */
const connectionTimeoutMs = 5000;

const loadSdk = () =>
  Promise.all([
    import('@aws-sdk/client-iam'),
    import('./client/credential-search.ts'),
    import('./client/iam-answer.ts'),
    import('./client/retry-history.ts'),
    import('./client/transport.ts'),
  ]);

/** Loads the SDK and, for the real service, takes it through its first calls. That is only for speed, and may fail. */
export async function prepare({ mode }: { readonly mode: RunMode }): Promise<void> {
  await loadSdk();
  if (mode === 'offline') return;
  const { warmUp } = await import('./client/warm-up.ts');
  await warmUp().catch(() => {});
}

/**
 * Builds everything that a step's time should not contain: the client, credentials and the first connection. Makes no
 * call to IAM.
 *
 * The SDK is loaded here and in {@link prepare}, not at the top of this file, so that a configuration error is reported
 * at once.
 *
 * @throws {NoCredentialsError} where no credentials are found, also when the signal is aborted meanwhile
 * @throws {ConfigError} where the SDK refuses a setting of its own
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
  const history = new RetryHistory(attempts, elapsedMs);
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
  const session = {
    config,
    names: makeNames(config.namespace, new Date(), Math.random),
    entities: { user: 'absent', group: 'absent', membership: 'absent', attachment: 'absent' } as Entities,
    iam,
    history,
    transport,
    elapsedMs,
  };
  if (mode === 'offline') return session;
  const { prepareFirstCall } = await import('./client/warm-up.ts');
  const { promise: givenUp, reject } = Promise.withResolvers<never>();
  const giveUp = (): void => reject(search.unfinished());
  signal.addEventListener('abort', giveUp, { once: true });
  try {
    const credentials = await Promise.race([prepareFirstCall(iam, transport, signal), givenUp]);
    return { ...session, credentials };
  } catch (error) {
    closeSession(session);
    throw error;
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}

/** The policy that the run attaches: the user's own choice, else the test policy of the account that the run works in. */
export function policyArnOf({ config, entityArn }: Session): string {
  if (config.policyArn !== undefined) return config.policyArn;
  if (entityArn === undefined) throw new UnknownAccountError();
  return testPolicyArn(entityArn, config.namespace, config.region);
}

/** No answer told the account: both creating calls succeeded only at a repetition, whose answers carry no ARN. */
export class UnknownAccountError extends Error {
  override readonly name = 'UnknownAccount';

  constructor() {
    super('the account is unknown: the answers that would have told it were lost');
  }
}

/** What the SDK has learnt from the dates of IAM's answers. */
export function clockOffsetMs({ iam }: Session): number {
  return iam.config.systemClockOffset;
}

/** Closes connections. The session cannot be used afterwards. */
export function closeSession({ iam, transport }: Pick<Session, 'iam' | 'transport'>): void {
  iam.destroy();
  transport.close();
}
