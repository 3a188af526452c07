import { execFile } from 'node:child_process';
import { mkdtempDisposable, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { Deployment } from 'kubernetes-models/apps/v1/Deployment';
import { CronJob } from 'kubernetes-models/batch/v1/CronJob';
import { ConfigMap } from 'kubernetes-models/v1/ConfigMap';
import { Namespace } from 'kubernetes-models/v1/Namespace';
import { PersistentVolumeClaim } from 'kubernetes-models/v1/PersistentVolumeClaim';
import { ServiceAccount } from 'kubernetes-models/v1/ServiceAccount';
import { describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { longestEndMs } from '../../../runner/stop-signals.ts';
import { parseConfig } from '../../../suites/awsiam/settings/config.ts';
import { resolveKustomization } from '../../harness/kustomize.ts';
import { projectDir } from '../../harness/run.ts';

/** The manifests in `deploy/kubernetes/`. `container.test.ts` runs and kills what they start. */

const execute = promisify(execFile);
const dir = path.join(projectDir, 'deploy/kubernetes');
const overlays = await readdir(path.join(dir, 'overlays'));
const kinds = { CronJob, Deployment, ConfigMap, Namespace, PersistentVolumeClaim, ServiceAccount } as const;

/** What the tests read of an object. `kubernetes-models` checks the rest. */
interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: keyof typeof kinds;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: Spec;
}

interface Spec {
  readonly jobTemplate?: { readonly spec: Spec };
  readonly template?: { readonly spec: PodSpec };
  readonly [name: string]: unknown;
}

interface PodSpec {
  readonly terminationGracePeriodSeconds: number;
  readonly containers: readonly [
    {
      readonly image: string;
      readonly envFrom: readonly { readonly configMapRef?: { readonly name: string } }[];
      readonly [name: string]: unknown;
    },
  ];
  readonly [name: string]: unknown;
}

/** What `kubectl apply -k` would send. */
async function resolve(overlay: string): Promise<readonly KubernetesObject[]> {
  return (await resolveKustomization(path.join(dir, 'overlays', overlay))) as unknown as readonly KubernetesObject[];
}

/** The Deployment or CronJob of an overlay, and the pod that it makes. */
function workloadOf(objects: readonly KubernetesObject[]): {
  readonly workload: KubernetesObject;
  readonly pod: PodSpec;
} {
  const workload = objects.find(({ kind }) => kind === 'Deployment' || kind === 'CronJob');
  const pod = (workload?.spec?.jobTemplate?.spec ?? workload?.spec)?.template?.spec;
  if (workload === undefined || pod === undefined) throw new Error('there is neither a Deployment nor a CronJob');
  return { workload, pod };
}

// Debian 12 has no kubectl of 1.21 or newer, so this test may be skipped in CI, too.
test.for(overlays)('kubectl resolves the overlay %s as these tests do', async (overlay, { skip }) => {
  const resolved = await execute('kubectl', ['kustomize', path.join(dir, 'overlays', overlay)]).catch(
    (error: NodeJS.ErrnoException & { readonly stderr?: string }) => {
      if (error.code === 'ENOENT' || /unknown field "patches"/.test(error.stderr ?? '')) return undefined;
      throw error;
    },
  );
  if (resolved === undefined) return skip('needs kubectl 1.21 or newer');
  const withoutHash = resolved.stdout.replaceAll(/name: awsiam-[0-9a-z]{10}$/gm, 'name: awsiam');
  const objects = parseAllDocuments(withoutHash).map((document) => document.toJS() as KubernetesObject);
  const byKind = (all: readonly KubernetesObject[]) => new Map(all.map((object) => [object.kind, object]));
  expect(byKind(objects)).toEqual(byKind(await resolve(overlay)));
});

test('one overlay shows the watch and another one the CronJob', async () => {
  const all = await Promise.all(overlays.map((overlay) => resolve(overlay)));
  expect(all.map((objects) => workloadOf(objects).workload.kind).toSorted()).toEqual(['CronJob', 'Deployment']);
});

test('no object has a property that Kubernetes does not know', async () => {
  const objects = (await Promise.all(overlays.map((overlay) => resolve(overlay)))).flat();
  expect(await typeErrors(objects)).toBe('');
  const cronJob = objects.find(({ kind }) => kind === 'CronJob');
  const { startingDeadlineSeconds, ...spec } = cronJob?.spec ?? {};
  const wrong = { ...cronJob, spec: { ...spec, startingDeadlineSecs: startingDeadlineSeconds } } as KubernetesObject;
  expect(await typeErrors([wrong])).toMatch(/startingDeadlineSecs.* does not exist in type/);
});

/**
 * What TypeScript has against the objects. `validate()` does not look for names that are misspelt, and `kubectl kustomize`
 * neither.
 */
async function typeErrors(objects: readonly KubernetesObject[]): Promise<string> {
  await using workDir = await mkdtempDisposable(path.join(os.tmpdir(), 'awsiam-kubernetes-'));
  await symlink(path.join(projectDir, 'node_modules'), path.join(workDir.path, 'node_modules'));
  const lines = objects.map(({ apiVersion, kind }, index) => {
    const type = `import('kubernetes-models/${apiVersion}/${kind}').I${kind}`;
    return `export const object${index}: ${type} = ${JSON.stringify(objects[index])};`;
  });
  const file = path.join(workDir.path, 'objects.mts');
  await writeFile(file, lines.join('\n'));
  const tsc = path.join(projectDir, 'node_modules/.bin/tsc');
  const options = ['--noEmit', '--strict', '--skipLibCheck', '--ignoreConfig', '--module', 'nodenext', file];
  const { stdout } = await execute(tsc, options).catch((error: { readonly stdout: string }) => error);
  return stdout;
}

describe.each(overlays)('the overlay %s', (overlay) => {
  test('has only objects that Kubernetes accepts, each once and in the namespace of the overlay', async () => {
    const objects = await resolve(overlay);
    for (const object of objects) {
      const Model = kinds[object.kind] as new (data: unknown) => { validate(): void };
      expect(() => new Model(object).validate(), object.kind).not.toThrow();
      expect(new Model(object)).toMatchObject({ apiVersion: object.apiVersion });
    }
    const namespaces = objects.map(({ kind, metadata }) => (kind === 'Namespace' ? metadata.name : metadata.namespace));
    expect(new Set(namespaces)).toEqual(new Set([`awsiam-${overlay}`]));
    expect(new Set(objects.map(({ kind }) => kind)).size).toBe(objects.length);
  });

  test('sets all that the monitor needs, and a role of the account', async () => {
    const objects = await resolve(overlay);
    const { pod } = workloadOf(objects);
    const [{ envFrom, image }] = pod.containers;
    const settings = objects.find(({ kind }) => kind === 'ConfigMap');
    expect(envFrom).toEqual([
      { configMapRef: { name: settings?.metadata.name } },
      { secretRef: { name: 'awsiam', optional: true } },
    ]);
    const { config, problems } = parseConfig(settings?.data ?? {});
    expect(problems).toEqual([]);
    expect(`awsiam-${config?.namespace}-${config?.region}`).toBe(`awsiam-${overlay}`);
    expect(settings?.data?.['METRIST_INSTANCE_ID']).toBe(config?.region);
    const account = objects.find(({ kind }) => kind === 'ServiceAccount');
    expect(pod['serviceAccountName']).toBe(account?.metadata.name);
    // As deploy/iam names it.
    const role = `role/AwsIamMonitor/${config?.namespace}-${config?.region}-awsiam`;
    expect(account?.metadata.annotations?.['eks.amazonaws.com/role-arn']).toMatch(
      new RegExp(`^arn:aws:iam::\\d{12}:${role}$`),
    );
    expect(image).toMatch(/^registry\.example\.com\/awsiam:./);
  });

  test('asks for no privileges, as the strictest of the Pod Security Standards wants it', async () => {
    const objects = await resolve(overlay);
    const { pod } = workloadOf(objects);
    expect(objects.find(({ kind }) => kind === 'Namespace')?.metadata.labels).toEqual({
      'pod-security.kubernetes.io/enforce': 'restricted',
    });
    expect(pod).toMatchObject({
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 10_001,
        runAsGroup: 10_001,
        fsGroup: 10_001,
        seccompProfile: { type: 'RuntimeDefault' },
      },
      volumes: [{ name: 'results', persistentVolumeClaim: { claimName: 'awsiam' } }],
    });
    expect(pod.containers).toHaveLength(1);
    expect(pod.containers[0]).toMatchObject({
      securityContext: {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      },
      volumeMounts: [{ name: 'results', mountPath: '/var/lib/awsiam' }],
      resources: { limits: { memory: '512Mi' } },
    });
    for (const name of ['hostNetwork', 'hostPID', 'hostIPC', 'initContainers']) expect(pod).not.toHaveProperty(name);
  });

  test('gives a stopped run time to end by itself, and never has two runs at a time', async () => {
    const { workload, pod } = workloadOf(await resolve(overlay));
    expect(pod.terminationGracePeriodSeconds * 1000).toBeGreaterThan(longestEndMs);
    expect(pod.containers[0]).not.toHaveProperty('lifecycle');
    if (workload.kind === 'Deployment') {
      expect(workload.spec).toMatchObject({ replicas: 1, strategy: { type: 'Recreate' } });
      return;
    }
    // A missed start is not made up for, a failed run is not repeated, and no run is cut off.
    expect(workload.spec).toMatchObject({
      timeZone: 'Etc/UTC',
      concurrencyPolicy: 'Forbid',
      startingDeadlineSeconds: 60,
      jobTemplate: { spec: { backoffLimit: 0, template: { spec: { restartPolicy: 'Never' } } } },
    });
    const activeDeadlineSeconds = workload.spec?.jobTemplate?.spec['activeDeadlineSeconds'];
    const longestRunSecs = 125 * 60;
    expect(activeDeadlineSeconds).toBeGreaterThan(longestRunSecs);
  });
});

test('only the readiness of a watch depends on runs that end on time: no restart helps while IAM hangs', async () => {
  const objects = await resolve('prod-us-east-1');
  expect(workloadOf(objects).pod.containers[0]).toMatchObject({
    ports: [{ name: 'http', containerPort: 9464 }],
    readinessProbe: { httpGet: { path: '/healthz', port: 'http' } },
    livenessProbe: { httpGet: { path: '/metrics', port: 'http' } },
  });
});

test('the two ways to run it start at different minutes in the examples', async () => {
  const { workload } = workloadOf(await resolve('staging-eu-west-1'));
  const base = parse(await readFile(path.join(dir, 'run/cron-job.yaml'), 'utf8')) as KubernetesObject;
  expect([base.spec?.['schedule'], workload.spec?.['schedule']]).toEqual(['*/2 * * * *', '1-59/2 * * * *']);
});
