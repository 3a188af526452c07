import { countInAccount } from '../../../suites/awsiam/cleanup/swept-kinds.ts';
import { longestRunMs, sweepAccount } from '../../../suites/awsiam/monitor.ts';
import type { Session } from '../../../suites/awsiam/session.ts';
import { formatSpan } from '../../../text/duration.ts';
import { plural } from '../../../text/printable.ts';
import type { CheckGroup, DoctorContext } from '../check-group.ts';
import { blocked, failure, ok, skipped, warning, type Finding } from '../finding.ts';

/** Compares the users and groups of the account with its quotas, and looks for what killed runs left behind. */
export const quotas: CheckGroup = {
  name: 'quotas',
  title: 'quotas and leftovers',
  needsNetwork: true,
  async *check(context) {
    const session = await context.session();
    if (!('value' in session)) return yield blocked('the quotas and leftovers', session);
    yield* checkQuotas(session.value, context);
    yield await findLeftovers(session.value, context);
  },
};

const kinds = ['group', 'user'] as const;

/** What an account may have unless AWS raised it. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html */
const defaultQuotas = { group: 300, user: 5000 } as const;

/** From this share on a quota counts as nearly used up. */
const nearlyUsedUp = 0.9;

interface Usage {
  readonly kind: (typeof kinds)[number];
  readonly used: number;
  readonly quota: number;
  /** Whether the quota is AWS's default, because the account's own is not known. */
  readonly isAssumed: boolean;
}

async function* checkQuotas(session: Session, context: DoctorContext): AsyncIterable<Finding> {
  try {
    for (const usage of await readUsage(session, context)) yield describeUsage(usage);
  } catch (error) {
    context.signal.throwIfAborted();
    const { verdict } = context.explain(error, 'GetAccountSummary');
    // The group of the permissions has the statement that is missing.
    yield verdict === 'permission'
      ? skipped('the quotas', 'iam:ListGroups or iam:ListUsers is not allowed')
      : context.failed(error, 'GetAccountSummary');
  }
}

/** IAM tells both at once. A run does not need that, so the monitor's policy does not allow it: then everything is counted. */
async function readUsage({ iam }: Session, { probe, explain }: DoctorContext): Promise<readonly Usage[]> {
  try {
    const { SummaryMap: summary = {} } = await probe('asking IAM for the quotas', (abortSignal) =>
      iam.getAccountSummary({}, { abortSignal }),
    );
    const { Groups: groups = 0, GroupsQuota: maxGroups, Users: users = 0, UsersQuota: maxUsers } = summary;
    return [
      { kind: 'group', used: groups, quota: maxGroups ?? defaultQuotas.group, isAssumed: maxGroups === undefined },
      { kind: 'user', used: users, quota: maxUsers ?? defaultQuotas.user, isAssumed: maxUsers === undefined },
    ];
  } catch (error) {
    if (explain(error, 'GetAccountSummary').verdict !== 'permission') throw error;
  }
  const count = async (kind: Usage['kind']): Promise<Usage> => {
    const used = await probe(`counting the ${kind}s of the account`, (signal) => countInAccount(kind, iam, signal));
    return { kind, used, quota: defaultQuotas[kind], isAssumed: true };
  };
  return [await count('group'), await count('user')];
}

function describeUsage({ kind, used, quota, isAssumed }: Usage): Finding {
  const assumed = isAssumed ? ", if the account has AWS's default quota (iam:GetAccountSummary would tell)" : '';
  const what = `${used} of ${quota} ${kind}s of the account are in use${assumed}`;
  if (used < quota * nearlyUsedUp) return ok(what);
  const leftovers = 'Remove leftovers (awsiam cleanup --dry-run shows them)';
  if (used < quota)
    return warning(what, `${leftovers}, or have the quota raised, before steps fail with LimitExceeded.`);
  const effect = `${kind === 'group' ? 'CreateGroup' : 'CreateUser'} fails with LimitExceeded`;
  // With a higher quota of its own an account may have more than the default.
  return isAssumed
    ? warning(what, `Unless the quota is higher, ${effect}. ${leftovers}.`)
    : failure(what, `${effect}. ${leftovers}, or have the quota raised.`);
}

async function findLeftovers(session: Session, context: DoctorContext): Promise<Finding> {
  const { namespace, maxTestEntities } = session.config;
  const olderThanMs = longestRunMs(session.config);
  const what = `test users and groups of the namespace ${namespace}`;
  const { removed, kept, unlisted, warnings } = await context.probe('looking for leftovers of killed runs', (signal) =>
    sweepAccount(session, { olderThanMs, dryRun: true, signal }),
  );
  if (unlisted.length > 0) {
    const text = warnings.join('; ');
    const [, action] = /not authorized to perform: (iam:\w+)/.exec(text) ?? [];
    const why = action === undefined ? text : `${action} is not allowed`;
    return skipped(`leftovers among the ${unlisted.map((kind) => `${kind}s`).join(' and ')}`, why);
  }
  const young = kept === 0 ? '' : `; ${kept} younger ones may belong to runs in progress`;
  if (removed > 0) {
    return warning(
      `${plural(removed, 'leftover')} older than ${formatSpan(olderThanMs)} among the ${what}${young}`,
      'Remove them: awsiam cleanup (with --dry-run it only lists them).',
    );
  }
  return kept > maxTestEntities
    ? warning(
        `${kept} ${what}, all younger than ${formatSpan(olderThanMs)}`,
        'Look for runs that are killed again and again.',
      )
    : ok(`no leftovers of killed runs among the ${what}${young}`);
}
