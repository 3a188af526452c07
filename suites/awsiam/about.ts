import type { variables } from './settings/variables.ts';

/** What a catalogue of monitors says about this one. */
export const about = {
  displayName: 'AWS Identity and Access Management',
  description: 'Watches AWS Identity and Access Management (IAM) by doing what its users do, and timing it.',
  homepage: 'https://aws.amazon.com/iam/',
  statusPage: 'https://health.aws.amazon.com/health/status',
  groups: ['aws'],
} as const;

/** Every setting in a sentence, and whether there is no run without it. */
export const settings = {
  accessKeyId: {
    required: false,
    description: "AWS access key id. Both keys or neither: then the AWS SDK's default credential chain is used.",
  },
  secretAccessKey: { required: false, description: 'AWS secret access key.' },
  sessionToken: { required: false, description: 'AWS session token, where the two keys are temporary.' },
  region: {
    required: true,
    description: "AWS region. Chooses the partition, and is part of the test policy's name.",
  },
  namespace: {
    required: true,
    description: "Name of this installation: the first part of the test policy's name, and part of all that is made.",
  },
  policyArn: { required: false, description: 'ARN of another policy to attach in place of the test policy.' },
  stepTimeoutSecs: { required: false, description: 'Deadline of one step, in seconds. Default and maximum: 900.' },
  requestTimeoutSecs: { required: false, description: 'Deadline of one request, in seconds. Default: 30.' },
  propagationTimeoutSecs: {
    required: false,
    description: 'How long to wait for an earlier change to become visible, in seconds. Default: 60.',
  },
  cleanupEnabled: {
    required: false,
    description: '0, false, no or off switches off the sweep of what killed runs left behind.',
  },
  mostTestEntities: {
    required: false,
    description: 'A run warns where more test users and groups of the namespace exist than this. Default: 50.',
  },
  endpoint: { required: false, description: "URL of another endpoint than AWS's own." },
} as const satisfies Record<keyof typeof variables, { readonly required: boolean; readonly description: string }>;
