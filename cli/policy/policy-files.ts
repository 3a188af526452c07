import { cloudFormationTemplate } from './cloudformation.ts';
import { testPolicy } from './monitor-setup.ts';
import { monitorPolicy } from './policy-document.ts';
import { terraformModule } from './terraform.ts';

/** The contents of `deploy/iam/`, by their paths in the project. `npm run manifests` writes them. */
export function createPolicyFiles(): Readonly<Record<string, unknown>> {
  return {
    'deploy/iam/monitor-policy.json': monitorPolicy({ partition: 'aws' }),
    'deploy/iam/monitor-policy.aws-us-gov.json': monitorPolicy({ partition: 'aws-us-gov' }),
    'deploy/iam/monitor-policy.aws-cn.json': monitorPolicy({ partition: 'aws-cn' }),
    'deploy/iam/test-policy.json': testPolicy,
    'deploy/iam/cloudformation.json': cloudFormationTemplate(),
    'deploy/iam/terraform/main.tf.json': terraformModule(),
  };
}
