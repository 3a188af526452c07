import { partition } from '@aws-sdk/core/client';
import type { AwsCredentialIdentity } from '@smithy/types';
import { awsiam, variables } from '../../../suites/awsiam/monitor.ts';
import type { Session } from '../../../suites/awsiam/session.ts';
import { readVariable } from '../../../suites/awsiam/settings/variables.ts';
import { formatAge } from '../../../text/duration.ts';
import { hideSecrets } from '../../../text/redact.ts';
import { formatUtc } from '../../../text/time.ts';
import type { Caller, CheckGroup, DoctorContext } from '../check-group.ts';
import { blocked, offlineWhy, failure, ok, skipped, warning, type Finding, type Needed } from '../finding.ts';

/** Which credentials a run would use, whom they belong to, and until when. */
export const credentials: CheckGroup = {
  name: 'credentials',
  title: 'credentials',
  needsNetwork: false,
  async *check(context) {
    const wrong = findWrongKeys(context);
    yield* wrong;
    if (!('value' in context.config)) return yield blocked('the credentials', context.config);
    if (context.isOffline) {
      const keys = context.config.value.credentials;
      if (keys !== undefined && wrong.length === 0) yield ok(describeOwnKeys(context));
      return yield skipped('what AWS says of the credentials', offlineWhy);
    }
    const found = await context.credentials();
    if (!('value' in found)) return yield found.finding;
    yield describeSource(found.value, context);
    yield* describeExpiry(found.value, context);
    const caller = await context.caller();
    if ('value' in caller) yield* describeCaller(caller.value, context);
    else yield caller.finding;
  },
};

const keyId = /^A[A-Z]{3}[A-Z\d]{12,}$/;
const temporaryKeyId = /^ASIA/;

/** Recognises mistakes with the two keys by their form. */
function findWrongKeys({ values }: DoctorContext): Finding[] {
  const [id, secret, token] = [variables.accessKeyId, variables.secretAccessKey, variables.sessionToken].map(
    (variable) => readVariable(variable, values),
  );
  if (id === undefined || secret === undefined) return [];
  if (!keyId.test(id.value) && keyId.test(secret.value)) {
    const what = `the keys are swapped: ${secret.from} holds a key id, and ${id.from} does not`;
    return [failure(what, `Put the key id into ${id.from}, and the secret into ${secret.from}.`)];
  }
  if (temporaryKeyId.test(id.value) && token === undefined) {
    const what = `${id.from} is a temporary key, but ${variables.sessionToken.name} is not set`;
    return [failure(what, `Set ${variables.sessionToken.name} to the token that came with the key.`)];
  }
  return [];
}

function describeOwnKeys({ values }: DoctorContext): string {
  const from = [variables.accessKeyId, variables.secretAccessKey].map((each) => readVariable(each, values)?.from);
  return `the keys come from ${from.join(' and ')}`;
}

/** Opens the session that a run would open. Sends nothing to IAM. */
export async function findCredentials(context: DoctorContext): Promise<Needed<Session>> {
  const { config, isOffline, probe, failed, explain } = context;
  if (!('value' in config)) return config;
  if (isOffline) return { missing: offlineWhy, finding: skipped('the credentials', offlineWhy) };
  try {
    const session = await probe('looking for credentials', async (signal) => {
      return await awsiam.openSession(config.value, { mode: 'live', signal });
    });
    hideSecrets(awsiam.secrets(context.values, session));
    return { value: session };
  } catch (error) {
    const at = 'the search for credentials';
    return { missing: `there are no credentials (${explain(error, at).code})`, finding: failed(error, at) };
  }
}

/**
 * How the SDK marks where it found credentials, the most exact mark first.
 * https://github.com/aws/aws-sdk-js-v3/blob/main/packages/types/src/feature-ids.ts
 */
const sources: readonly (readonly [mark: string, kind: string])[] = [
  ['CREDENTIALS_PROFILE_SSO', 'an SSO session in a profile'],
  ['CREDENTIALS_PROFILE_SSO_LEGACY', 'an SSO session in a profile'],
  ['CREDENTIALS_SSO', 'an SSO session'],
  ['CREDENTIALS_SSO_LEGACY', 'an SSO session'],
  ['CREDENTIALS_PROFILE_LOGIN', 'a login session in a profile (aws login)'],
  ['CREDENTIALS_LOGIN', 'a login session (aws login)'],
  ['CREDENTIALS_ENV_VARS_STS_WEB_ID_TOKEN', 'a role by web identity (AWS_WEB_IDENTITY_TOKEN_FILE)'],
  ['CREDENTIALS_PROFILE_STS_WEB_ID_TOKEN', 'a role by web identity in a profile'],
  ['CREDENTIALS_STS_ASSUME_ROLE_WEB_ID', 'a role by web identity'],
  ['CREDENTIALS_STS_ASSUME_ROLE', 'a role that a profile names'],
  ['CREDENTIALS_PROFILE_PROCESS', 'the credential_process of a profile'],
  ['CREDENTIALS_PROCESS', 'a credential_process'],
  ['CREDENTIALS_HTTP', "the container's role"],
  ['CREDENTIALS_IMDS', "the instance's role"],
  ['CREDENTIALS_PROFILE', 'the keys of a profile'],
  ['CREDENTIALS_ENV_VARS', 'AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY'],
];

/** Credentials as the SDK returns them. */
type FoundCredentials = AwsCredentialIdentity & { readonly $source?: Readonly<Record<string, string>> };

function describeSource({ config, credentials: found }: Session, context: DoctorContext): Finding {
  if (config.credentials !== undefined) return ok(describeOwnKeys(context));
  const { $source: marks = {} } = (found ?? {}) as FoundCredentials;
  const kind = sources.find(([mark]) => mark in marks)?.[1] ?? "the AWS SDK's default chain";
  const profile = context.values['AWS_PROFILE']?.trim() || 'default';
  return ok(`the credentials come from ${kind}${/profile/.test(kind) ? ` (profile ${profile})` : ''}`);
}

/** A schedule outlives keys that nobody renews. */
function* describeExpiry({ config, credentials: found }: Session, { values }: DoctorContext): Iterable<Finding> {
  const { expiration, sessionToken } = (found ?? {}) as FoundCredentials;
  if (expiration !== undefined) {
    const leftMs = expiration.getTime() - Date.now();
    yield ok(
      `the credentials expire at ${formatUtc(expiration.getTime())} (in ${formatAge(leftMs)}); the AWS SDK renews them`,
    );
  } else if (sessionToken !== undefined) {
    const { name } = variables.sessionToken;
    const from =
      config.credentials === undefined
        ? 'AWS_SESSION_TOKEN'
        : (readVariable(variables.sessionToken, values)?.from ?? name);
    const fix = 'For a schedule, use a role or a profile that renews itself, or the keys of a user.';
    yield warning(
      `the credentials are temporary, and nobody renews them: the token in ${from} does not say until when it is valid`,
      fix,
    );
  } else yield ok('the credentials do not expire');
}

/** A caller that is missing because AWS refuses the credentials. */
interface Refused {
  readonly missing: string;
  readonly finding: Finding;
  readonly isRefused: true;
}

export function isRefused(caller: Needed<Caller>): caller is Refused {
  return 'isRefused' in caller;
}

/** Asks STS who the credentials belong to, which needs no permission. If STS cannot be asked, it asks IAM. */
export async function askCaller(context: DoctorContext): Promise<Needed<Caller>> {
  const { iam, sts } = await context.network();
  const found = await context.credentials();
  if (!('value' in found)) return found;
  if (!('value' in iam)) return { ...unnamed(iam.missing), finding: blocked('the owner of the credentials', iam) };
  return 'value' in sts ? await askSts(found.value, context) : await askIam(found.value, context);
}

async function askSts(session: Session, context: DoctorContext): Promise<Needed<Caller>> {
  const { config, iam, transport } = session;
  const [{ STS }, { silentLogger }] = await Promise.all([
    import('../sts.ts'),
    import('../../../suites/awsiam/client/credential-search.ts'),
  ]);
  const sts = new STS({
    region: config.region,
    credentials: async () => await iam.config.credentials(),
    requestHandler: transport.credentialsHandler,
    logger: silentLogger,
  });
  try {
    const { Arn: arn = '' } = await context.probe('asking STS who the keys belong to', async (abortSignal) => {
      return await sts.getCallerIdentity({}, { abortSignal });
    });
    return callerOf(arn) ?? unnamed('STS named nobody in a form that AWS documents');
  } catch (error) {
    const refused = refusal(error, 'GetCallerIdentity', context);
    if (isRefused(refused) || !('finding' in refused)) return refused;
    // A run does not need STS. If STS fails, IAM may also say who it is.
    const byIam = await askIam(session, context);
    return 'value' in byIam || isRefused(byIam)
      ? byIam
      : { ...refused, finding: { ...refused.finding, state: 'warning' } };
  }
}

/** A refusal also names the principal. A role gets a refusal of another kind, which does not. */
async function askIam({ iam }: Session, context: DoctorContext): Promise<Needed<Caller>> {
  try {
    const { User } = await context.probe('asking IAM who the keys belong to', async (abortSignal) => {
      return await iam.getUser({}, { abortSignal });
    });
    return callerOf(User?.Arn ?? '') ?? unnamed('IAM named nobody in a form that AWS documents');
  } catch (error) {
    const { verdict, message, code } = context.explain(error, 'GetUser');
    const [, arn = ''] = /User: (arn:\S+) is not authorized/.exec(message) ?? [];
    const isFailure = verdict === 'credentials' || verdict === 'network' || verdict === 'timeout';
    return (
      callerOf(arn) ??
      (isFailure ? refusal(error, 'GetUser', context) : unnamed(`STS was not asked, and IAM does not say (${code})`))
    );
  }
}

function refusal(error: unknown, at: string, { explain, failed }: DoctorContext): Needed<Caller> {
  const { verdict, code } = explain(error, at);
  const finding = failed(error, at);
  if (verdict !== 'credentials') return { missing: `AWS did not say who the keys belong to (${code})`, finding };
  const refused: Refused = { missing: `AWS refuses the credentials (${code})`, finding, isRefused: true };
  return refused;
}

function unnamed(why: string): Exclude<Needed<Caller>, { readonly value: Caller }> {
  return { missing: `the principal is unknown: ${why}`, finding: skipped('the owner of the credentials', why) };
}

function callerOf(arn: string): { readonly value: Caller } | undefined {
  const [, name = '', account = ''] = /^arn:(aws[\w-]*):(?:iam|sts)::(\d{12}):\S+$/.exec(arn) ?? [];
  return name === '' ? undefined : { value: { arn, account, partition: name } };
}

function* describeCaller({ arn, account, partition: ofKeys }: Caller, { config }: DoctorContext): Iterable<Finding> {
  yield arn.endsWith(':root')
    ? warning(
        `the credentials belong to the root user of the account ${account}`,
        'The root user may do everything. Make a principal that has only the policy that "awsiam policy" prints.',
      )
    : ok(`the credentials belong to ${arn} in the account ${account}`);
  if (!('value' in config)) return;
  const { region } = config.value;
  const ofRegion = partition(region).name;
  if (ofRegion === ofKeys) return;
  yield failure(
    `the credentials are of the partition ${ofKeys}, but the region ${region} is in ${ofRegion}`,
    `Set METRIST_AWS_REGION to a region of ${ofKeys}, or use the keys of an account in ${ofRegion}.`,
  );
}
