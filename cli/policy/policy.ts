import { partition as partitionOf } from '@aws-sdk/core/client';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { ConfigError } from '../../runner/settings.ts';
import { parsePolicySettings, settingRules, variables } from '../../suites/awsiam/monitor.ts';
import type { RunningContext } from '../command-context.ts';
import { cloudFormationTemplate } from './cloudformation.ts';
import { principals, testPolicy, type Defaults, type Principal } from './monitor-setup.ts';
import { denyAllArn, monitorPolicy, partitions } from './policy-document.ts';
import { terraformModule } from './terraform.ts';

const formats = ['json', 'cloudformation', 'terraform'] as const;

interface PolicyArguments {
  readonly format: (typeof formats)[number];
  readonly testPolicy?: true;
  readonly partition?: string;
  readonly account?: string;
  readonly region?: string;
  readonly namespace?: string;
  readonly principal?: Principal;
  readonly policyArn?: string;
  /** `true`: AWS's own policy that denies everything. */
  readonly boundary?: string | true;
}

/** Adds `awsiam policy`. Its stdout is the document, ready for the AWS CLI or Terraform, and nothing else. */
export function addPolicyCommand(program: Command, context: RunningContext): void {
  const { output, errorOutput } = context;
  const command = program
    .command('policy')
    .description(
      'print the least permissions that the monitor needs, or a template that creates everything; needs no network and no credentials',
    )
    .addOption(
      new Option('--format <format>', 'json: the IAM policy; cloudformation or terraform: a template')
        .choices(formats)
        .default('json'),
    )
    .addOption(
      new Option('--test-policy', 'print the harmless policy that the monitor attaches, instead of its own').conflicts([
        'partition',
        'account',
        'region',
        'namespace',
        'principal',
        'policyArn',
        'boundary',
      ]),
    )
    .option('--region <region>', `the monitor's region (default: ${variables.region.name})`, parser('region'))
    .option(
      '--namespace <name>',
      `name of this installation, for a template (default: ${variables.namespace.name})`,
      parser('namespace'),
    )
    .addOption(new Option('--principal <kind>', 'what the monitor runs as, for a template').choices(principals))
    .addOption(
      new Option(
        '--partition <partition>',
        'the partition of AWS, for json (default: that of the region, else aws)',
      ).choices(partitions),
    )
    .option('--account <id>', 'allow only this account, for json (default: any)', parseAccount)
    .option(
      '--policy-arn <arn>',
      `allow this policy to be attached as well (default: ${variables.policyArn.name})`,
      parser('policyArn'),
    )
    .option(
      '--boundary [arn]',
      `demand that each test user has this permissions boundary (default: ${variables.permissionsBoundaryArn.name}; without an ARN: AWSDenyAll)`,
      parser('policyArn'),
    )
    .addHelpText('after', `\n${examples}`)
    .action((args: PolicyArguments) => {
      const { document, remarks } = makeDocument(args, context, (why) => command.error(`error: ${why}`));
      output.write(`${JSON.stringify(document, undefined, 2)}\n`);
      for (const remark of remarks) errorOutput.write(`! ${remark}\n`);
    });
}

const examples = `Examples:
  awsiam policy > policy.json
  aws iam put-user-policy --user-name awsiam-monitor --policy-name awsiam-monitor \\
    --policy-document file://policy.json

  awsiam policy --format cloudformation --principal ec2 > awsiam.json
  aws cloudformation deploy --stack-name awsiam --template-file awsiam.json \\
    --capabilities CAPABILITY_NAMED_IAM`;

function parser(name: keyof typeof settingRules): (text: string) => string {
  const { ok, expected } = settingRules[name];
  return (text) => {
    if (ok(text)) return text;
    throw new InvalidArgumentError(`Expected ${expected}.`);
  };
}

function parseAccount(text: string): string {
  if (/^\d{12}$/.test(text)) return text;
  throw new InvalidArgumentError('Expected the twelve digits of an account.');
}

/** IAM counts no white space. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html */
const maxInlineLength = 2048;

/**
 * Makes the document that the options and the settings ask for.
 *
 * @param refuse prints why the options make no sense, and ends the command
 * @throws ConfigError
 */
function makeDocument(
  args: PolicyArguments,
  { values }: Pick<RunningContext, 'values'>,
  refuse: (why: string) => never,
): { readonly document: object; readonly remarks: readonly string[] } {
  const { format } = args;
  const template = { json: undefined, cloudformation: cloudFormationTemplate, terraform: terraformModule }[format];
  const useless =
    template === undefined ? (['namespace', 'principal'] as const) : (['testPolicy', 'partition', 'account'] as const);
  for (const name of useless) {
    if (args[name] !== undefined) refuse(`--${kebabCase(name)} has no meaning with --format ${format}`);
  }
  if (args.testPolicy) return { document: testPolicy, remarks: [] };

  const settings = parsePolicySettings(values);
  if (settings.problems.length > 0) throw new ConfigError(settings.problems);
  const { region = settings.region, namespace = settings.namespace, policyArn = settings.policyArn } = args;
  const ofRegion = region === undefined ? undefined : partitionOf(region).name;
  const partition = args.partition ?? ofRegion;
  if (ofRegion !== undefined && partition !== ofRegion) {
    refuse(`the region ${region} is in the partition ${ofRegion}, not in ${partition}`);
  }
  if (partition !== undefined && !(partitions as readonly string[]).includes(partition)) {
    refuse(
      `the region ${region} is in the partition ${partition}; these policies are made for ${partitions.join(', ')}`,
    );
  }
  if (args.boundary === true && template !== undefined && partition === undefined) {
    refuse('--boundary without an ARN needs --region, because the ARN depends on the partition');
  }
  const boundaryArn =
    args.boundary === true ? denyAllArn(partition ?? 'aws') : (args.boundary ?? settings.permissionsBoundaryArn);
  const arns = [
    [args.policyArn === undefined ? variables.policyArn.name : '--policy-arn', policyArn],
    [args.boundary === undefined ? variables.permissionsBoundaryArn.name : '--boundary', boundaryArn],
  ] as const;
  for (const [name, arn] of arns) {
    if (arn !== undefined && partition !== undefined && !arn.startsWith(`arn:${partition}:`)) {
      refuse(`${name} is not in the partition ${partition}`);
    }
  }

  const isSent = boundaryArn === undefined || boundaryArn === settings.permissionsBoundaryArn;
  const remarks = isSent
    ? []
    : [`set ${variables.permissionsBoundaryArn.name}=${boundaryArn}, or IAM refuses CreateUser`];
  if (template !== undefined) {
    const defaults: Defaults = {
      ...(namespace !== undefined && { namespace }),
      ...(region !== undefined && { region }),
      ...(args.principal !== undefined && { principal: args.principal }),
      ...(policyArn !== undefined && { policyArn }),
      ...(boundaryArn !== undefined && { permissionsBoundaryArn: boundaryArn }),
    };
    return { document: template(defaults) as object, remarks };
  }
  const document = monitorPolicy({
    partition: partition ?? 'aws',
    ...(args.account !== undefined && { account: args.account }),
    ...(policyArn !== undefined && { policyArn }),
    ...(boundaryArn !== undefined && { boundaryArn }),
  });
  const { length } = JSON.stringify(document);
  return {
    document,
    remarks: [
      ...remarks,
      ...(length > maxInlineLength
        ? [
            `this policy has ${length} characters, and the inline policies of a user may have ${maxInlineLength}: make it a managed policy`,
          ]
        : []),
    ],
  };
}

function kebabCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
