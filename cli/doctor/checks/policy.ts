import { codeOf } from '../../../suites/awsiam/errors/error-kinds.ts';
import { createTestPolicyCommand } from '../../../suites/awsiam/errors/explain-error.ts';
import { policyPath, variables } from '../../../suites/awsiam/monitor.ts';
import type { Session } from '../../../suites/awsiam/session.ts';
import type { CheckGroup, DoctorContext } from '../check-group.ts';
import { blocked, failure, ok, skipped, warning, type Finding } from '../finding.ts';
import { principalOf, type Principal } from '../principal.ts';

/** Looks at the policy that a run attaches, and at the permissions boundary of the test users if one is set. */
export const policy: CheckGroup = {
  name: 'policy',
  title: 'test policy',
  needsNetwork: true,
  async *check(context) {
    const session = await context.session();
    if (!('value' in session)) return yield blocked('the test policy', session);
    const { config } = session.value;
    const principal = principalOf(config, await context.caller());
    const setting = config.policyArn === undefined ? undefined : variables.policyArn.name;
    if (principal.policyArn === undefined) {
      yield skipped('the test policy', 'the account is unknown, and the ARN of the policy depends on it');
    } else
      yield* checkPolicy({ arn: principal.policyArn, setting, isBoundary: false }, principal, session.value, context);
    const boundary = config.permissionsBoundaryArn;
    if (boundary !== undefined) {
      const wanted = { arn: boundary, setting: variables.permissionsBoundaryArn.name, isBoundary: true };
      yield* checkPolicy(wanted, principal, session.value, context);
    }
  },
};

interface WantedPolicy {
  readonly arn: string;
  /** The setting that names it. Absent: it follows from the account, the namespace and the region. */
  readonly setting: string | undefined;
  /** Whether it becomes the permissions boundary of the test users. Otherwise it is attached to them. */
  readonly isBoundary: boolean;
}

async function* checkPolicy(
  wanted: WantedPolicy,
  principal: Principal,
  session: Session,
  context: DoctorContext,
): AsyncIterable<Finding> {
  const problem = findMisplacement(wanted, principal, session.config.region);
  if (problem !== undefined) yield problem;
  if (problem?.state !== 'failure') yield await lookUp(wanted, session, context);
}

/** What the ARN alone shows. */
function findMisplacement(
  { arn, setting, isBoundary }: WantedPolicy,
  { scope }: Principal,
  region: string,
): Finding | undefined {
  const [, partition = '', , , account = '', resource = ''] = arn.split(':');
  // Without the setting, all of this follows from the account.
  if (setting === undefined) return undefined;
  if (partition !== scope.partition) {
    return failure(
      `${setting} names a policy of the partition ${partition}, but the region ${region} is in ${scope.partition}: ${arn}`,
      `Name a policy of ${scope.partition}, or correct ${variables.region.name}.`,
    );
  }
  if (account === 'aws') {
    return isBoundary
      ? undefined
      : warning(
          `${setting} names a policy of AWS, which gives the test users real permissions for a moment: ${arn}`,
          `Leave out ${setting}, so that the harmless test policy is attached.`,
        );
  }
  if (scope.account !== undefined && account !== scope.account) {
    return failure(
      `${setting} names a policy of the account ${account}, but the credentials belong to ${scope.account}: ${arn}`,
      `IAM uses only policies of the same account. Correct ${setting}, or leave it out.`,
    );
  }
  if (!isBoundary && !resource.startsWith(`policy${policyPath}`)) {
    return warning(
      `${setting} names a policy outside of ${policyPath}: ${arn}`,
      'The policy of the monitor has to allow it, as awsiam policy prints it with this setting.',
    );
  }
  return undefined;
}

async function lookUp(wanted: WantedPolicy, { iam }: Session, context: DoctorContext): Promise<Finding> {
  const { arn, setting, isBoundary } = wanted;
  const what = isBoundary ? 'the permissions boundary' : 'the test policy';
  try {
    const answer = await context.probe(`asking IAM for ${what}`, (abortSignal) =>
      iam.getPolicy({ PolicyArn: arn }, { abortSignal }),
    );
    return answer.Policy?.IsAttachable === false
      ? failure(
          `${what} cannot be attached: IAM says so of ${arn}`,
          `Some policies can only be attached by AWS itself. Name another one${setting === undefined ? '' : ` in ${setting}`}.`,
        )
      : ok(`${what} exists: ${arn}`);
  } catch (error) {
    context.signal.throwIfAborted();
    if (codeOf(error) === 'NoSuchEntity') {
      return { state: 'failure', what: `${what} does not exist: ${arn}`, ...howToCreate(wanted) };
    }
    if (context.explain(error, 'GetPolicy').verdict !== 'permission') return context.failed(error, 'GetPolicy');
    return {
      ...skipped(`whether ${what} exists`, 'iam:GetPolicy is not allowed on it'),
      fix: `The step ${isBoundary ? 'CreateUser' : 'AttachPolicy'} of the first run shows it, or somebody who may look it up:`,
      command: `aws iam get-policy --policy-arn ${arn}`,
    };
  }
}

function howToCreate({ arn, setting, isBoundary }: WantedPolicy): Pick<Finding, 'fix' | 'command'> {
  if (isBoundary) return { fix: `Create it, or correct ${setting}: every CreateUser fails until then.` };
  if (setting !== undefined) {
    return {
      fix: `Create it, or correct ${setting}, or leave that out, so that the test policy of the namespace is attached.`,
    };
  }
  return {
    fix: `If ${variables.namespace.name} and ${variables.region.name} are right, create it:`,
    command: createTestPolicyCommand(arn.slice(arn.lastIndexOf('/') + 1)),
  };
}
