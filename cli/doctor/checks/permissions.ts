import { pause } from '../../../runner/deadline.ts';
import { groupPath, permissions as wanted, userPath, type Permission } from '../../../suites/awsiam/monitor.ts';
import { makeNames } from '../../../suites/awsiam/names.ts';
import { statementFor } from '../../policy/policy-document.ts';
import type { CheckGroup } from '../check-group.ts';
import type { Denial } from '../denial.ts';
import { blocked, failure, ok, skipped, type Finding } from '../finding.ts';
import { principalOf, type Principal } from '../principal.ts';
import { askIam, type ProbeAnswer } from '../probes.ts';

/**
 * Asks IAM about each action that the monitor may need, with requests that change nothing.
 *
 * @param paceMs pause between two requests: IAM throttles them per account, and everything else in it shares the limit
 */
export const createPermissionsGroup = (paceMs = 50): CheckGroup => ({
  name: 'permissions',
  title: 'permissions',
  needsNetwork: true,
  async *check(context) {
    const session = await context.session();
    if (!('value' in session)) return yield blocked('the permissions', session);
    const { config } = session.value;
    const principal = principalOf(config, await context.caller());
    const targets = { ...makeNames(config.namespace, new Date(), Math.random), policyArn: principal.policyArn };
    const asked: Asked[] = [];
    for (const permission of wanted) {
      if (asked.length > 0) await pause(paceMs, context.signal);
      const answer = await askIam(permission.operation, targets, session.value, context);
      if (answer.kind === 'stopped') {
        yield* judgePermissions(asked, principal);
        const isThrottled = answer.verdict === 'throttled';
        if (!isThrottled) yield context.failed(answer.error, permission.operation);
        const left = wanted.slice(asked.length).map(({ action }) => action);
        return yield skipped(
          left.join(', '),
          isThrottled ? "IAM throttles this account's requests" : 'IAM did not answer',
          'Run this check again later: awsiam doctor --only permissions.',
        );
      }
      asked.push({ permission, answer });
    }
    yield* judgePermissions(asked, principal);
  },
});

/** A permission, and what IAM answered. */
export interface Asked {
  readonly permission: Permission;
  readonly answer: Exclude<ProbeAnswer, { kind: 'stopped' }>;
}

/**
 * What the answers mean.
 *
 * A denial proves little, because the user or group does not exist: its path is unknown, so IAM decides by its name alone, and
 * a policy for the monitor's paths does not match. With the policy that the monitor should have, AWS denies all of them.
 * https://github.com/cloud-gov/terraform-provision/pull/1716 quotes AWS support about this.
 */
export function* judgePermissions(asked: readonly Asked[], principal: Principal): Iterable<Finding> {
  const allowed = asked.filter(({ answer }) => answer.kind === 'allowed').map(({ permission }) => permission);
  const denied = asked.flatMap(({ permission, answer }) =>
    answer.kind === 'denied' ? [{ permission, denial: answer.denial }] : [],
  );
  if (allowed.length > 0) yield ok(`IAM allows ${allowed.map(({ operation }) => operation).join(', ')}`);

  if (allowed.length === 0 && denied.some(isList) && denied.every(({ denial }) => isMissing(denial))) {
    yield failure(
      `IAM allows none of the ${denied.length} actions that were asked about`,
      `Attach the monitor's policy to ${principal.who}. awsiam policy prints it.`,
    );
  } else {
    const allowedFamilies = new Set(allowed.map(familyOf));
    const isDoubtful = ({ permission, denial }: Denied): boolean => {
      if (isCertain(permission) || denial.isExplicit) return false;
      // What does not exist has no permissions boundary either, which the policy may demand.
      const isBounded = principal.scope.boundaryArn !== undefined && permission.operation === 'AttachUserPolicy';
      return isBounded || !allowedFamilies.has(familyOf(permission));
    };
    yield* describeDenials(
      denied.filter((each) => !isDoubtful(each)),
      principal,
    );
    const doubtful = denied.filter(isDoubtful);
    if (doubtful.length > 0) {
      yield {
        ...skipped(
          listActions(doubtful),
          'IAM denies them for a user and a group that do not exist, whose path it cannot know, and it does so even if the policy allows the paths as it should',
        ),
        fix: `${firstRun} To know it earlier, let an administrator simulate it (prints what is denied):`,
        command: simulationOf(principal),
      };
    }
  }

  const unknown = asked.flatMap(({ permission, answer }) =>
    answer.kind === 'unknown' ? [{ permission, why: answer.why }] : [],
  );
  for (const [why, group] of Map.groupBy(unknown, (each) => each.why)) yield skipped(listActions(group), why, firstRun);
}

const firstRun = 'The first run shows it: awsiam run.';

/** The AWS CLI's commands that decide about all actions on test users and test groups, with their paths. */
function simulationOf({ who, scope, policyArn }: Principal): string {
  // STS names the session of a role.
  const source = who.replace(/^(arn:[\w-]+):sts::(\d+):assumed-role\/([^/]+)\/.*$/, '$1:iam::$2:role/$3');
  const context = [
    ['iam:PolicyARN', policyArn],
    ['iam:PermissionsBoundary', scope.boundaryArn],
  ].flatMap(([key, value]) =>
    value === undefined ? [] : [`ContextKeyName=${key},ContextKeyType=string,ContextKeyValues=${value}`],
  );
  return (['user', 'group'] as const)
    .map((resource) => {
      const actions = wanted.filter((each) => each.resource === resource).map(({ action }) => action);
      const { path, name } = {
        user: { path: userPath, name: 'testuser' },
        group: { path: groupPath, name: 'testgroup' },
      }[resource];
      return [
        `aws iam simulate-principal-policy --policy-source-arn ${source}`,
        `--action-names ${actions.join(' ')}`,
        `--resource-arns arn:${scope.partition}:iam::${scope.account ?? '000000000000'}:${resource}${path}${name}`,
        ...(context.length > 0 ? [`--context-entries ${context.join(' ')}`] : []),
        "--query 'EvaluationResults[?EvalDecision!=`allowed`].[EvalActionName,EvalDecision]' --output text",
      ].join(' ');
    })
    .join('\n');
}

interface Denied {
  readonly permission: Permission;
  readonly denial: Denial;
}

/** Whether a denial is certain. A list names no user and no group, and a policy's ARN contains its path. */
const isCertain = ({ resource }: Permission): boolean => resource === 'any' || resource === 'policy';

const isList = ({ permission }: Denied): boolean => permission.resource === 'any';

/**
 * Actions that a principal has or lacks together. Those that read are apart, because many principals have one of AWS's own
 * read-only policies as well, which allows them whatever the path.
 */
const familyOf = ({ resource, operation }: Permission): string =>
  `${/^(Get|List)/.test(operation) ? 'read' : 'change'} ${resource}`;

/** Whether only a statement is missing in the policies of the principal. Emulators do not name a policy. */
const isMissing = ({ isExplicit, by }: Denial): boolean =>
  !isExplicit && (by === undefined || by === 'identity-based policy');

/** A missing statement is shown with each action. A policy of another kind mostly denies many actions, so they share a line. */
function* describeDenials(denied: readonly Denied[], principal: Principal): Iterable<Finding> {
  const groups = Map.groupBy(denied, ({ permission, denial }) =>
    isMissing(denial) ? permission.action : `${denial.isExplicit} ${denial.by}`,
  );
  for (const group of groups.values()) {
    const { permission, denial } = group[0] as Denied;
    // Without the sweep's own actions a run does its work, and warns about what it could not remove.
    const isNeeded = group.some(
      ({ permission: { usedBy } }) => usedBy.includes('steps') || usedBy.includes('teardown'),
    );
    const verb = group.length === 1 ? 'is' : 'are';
    const parts = new Set(group.flatMap((each) => each.permission.usedBy));
    const statement = isMissing(denial) ? statementFor(permission.action, principal.scope) : undefined;
    yield {
      state: isNeeded ? 'failure' : 'warning',
      what: `${listActions(group)} ${verb} ${describeDenial(denial)} (used by: ${[...parts].join(', ')})`,
      fix: adviseOn(denial, principal),
      ...(statement !== undefined && { statement }),
    };
  }
}

const listActions = (group: readonly Pick<Denied, 'permission'>[]): string =>
  group.map(({ permission }) => permission.action).join(', ');

function describeDenial(denial: Denial): string {
  if (isMissing(denial)) return 'not allowed';
  const by = denial.by === undefined ? 'a policy' : `${/^[aeiou]/.test(denial.by) ? 'an' : 'a'} ${denial.by}`;
  return denial.isExplicit ? `denied by ${by}` : `not allowed by ${by}`;
}

function adviseOn({ isExplicit, by }: Denial, { who }: Principal): string {
  switch (by) {
    case undefined:
    case 'identity-based policy':
      return isExplicit
        ? `A statement with "Effect": "Deny" in a policy of ${who}, or of a group that it is in, wins over every Allow. Take the monitor's paths out of it.`
        : `Add this statement to a policy of ${who}:`;
    case 'service control policy':
    case 'resource control policy':
      return `It belongs to the organization, and nothing in this account can allow what it ${isExplicit ? 'denies' : 'leaves out'}. Ask the organization's administrators to exempt ${who} from it, or let the monitor watch another account.`;
    case 'permissions boundary':
      return `The boundary of ${who} limits what its policies can allow. ${isExplicit ? "Take the monitor's paths out of the Deny in it." : 'Allow the actions in it, too: awsiam policy prints them.'}`;
    case 'session policy':
      return `It came with the temporary credentials of ${who}. Change it where the role is assumed, or leave it out there.`;
    case 'VPC endpoint policy':
      return 'The requests go through a VPC endpoint. Allow the actions in its policy.';
    case 'resource-based policy':
      return 'See the message of AWS in CloudTrail for the policy that it means.';
    default:
      return by satisfies never;
  }
}
