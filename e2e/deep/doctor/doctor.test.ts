import { describe, test } from 'vitest';
import { groupNames } from '../../../cli/doctor/finding.ts';
import { runProgram, runAwsiam, projectDir, secrets } from '../../harness/run.ts';
import { changesOf, makePlace, runDoctor, type Misconfiguration } from './misconfiguration.ts';
import { services, withPathScopedPolicy } from './services.ts';
import { surroundings } from './surroundings.ts';

const misconfigurations: readonly Misconfiguration[] = [...surroundings, ...services];

describe.concurrent('awsiam doctor', () => {
  test('has no failure and no warning if all is right, and names all that it skipped', async ({
    expect,
    ...context
  }) => {
    const { env, iam } = await makePlace({ expect, ...context });
    const { code, stderr, examination } = await runDoctor(env);
    const findings = examination.groups.flatMap((group) => group.findings);
    expect(findings.filter(({ state }) => state === 'failure' || state === 'warning')).toEqual([]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(examination.groups.map(({ name }) => name)).toEqual(groupNames);
    expect(findings.filter(({ state }) => state === 'skipped').map(({ what }) => what.split(': ')[0])).toEqual([
      'iam:CreateUser, iam:CreateGroup',
      'the Orchestrator',
      'OpenTelemetry',
      expect.stringMatching(/^Prometheus' textfile/),
    ]);
    expect(changesOf(iam)).toEqual([]);
  });

  test.for(misconfigurations)('names the cause and the fix if $name', async (row, context) => {
    const { expect } = context;
    const place = await makePlace(context, row.faults);
    const changes = (await row.spoil?.(place)) ?? {};
    const { code, everything, examination } = await runDoctor({ ...place.env, ...changes }, ['--only', row.group]);
    const { state = 'failure' } = row;
    const findings = examination.groups.flatMap((group) => group.findings);
    const found = findings.find((finding) => finding.state === state && row.cause.test(finding.what));
    const { fix = '', command = '' } = found ?? {};
    expect(`${fix} ${command}`.trim(), everything).toMatch(row.fix);
    if (row.statement === undefined) expect(found?.statement).toBeUndefined();
    else expect(found?.statement).toMatchObject({ Effect: 'Allow', ...row.statement });
    expect(code).toBe(state === 'failure' ? 1 : 0);
    expect(changesOf(place.iam)).toEqual([]);
    for (const secret of Object.values(secrets)) expect(everything).not.toContain(secret);
  });

  test('has no failure with exactly the policy of the monitor, for which AWS denies what does not exist', async (context) => {
    const { expect } = context;
    const place = await makePlace(context);
    const changes = await withPathScopedPolicy(place);
    const { code, examination } = await runDoctor({ ...place.env, ...changes });
    expect(code).toBe(0);
    const findings = examination.groups.flatMap((group) => group.findings);
    expect(findings.filter(({ state }) => state === 'failure' || state === 'warning')).toEqual([]);
    expect(findings.filter(({ state }) => state === 'skipped').map(({ what }) => what)).toContainEqual(
      expect.stringMatching(/^iam:AddUserToGroup, .*iam:DeleteUser, .*: not checked, because IAM denies them/),
    );
  });

  test('says on a Node.js that is too old which one it needs', async ({ expect }) => {
    const asOld = 'data:text/javascript,Object.defineProperty(process,"version",{value:"v20.20.2"})';
    const args = ['--import', asOld, `${projectDir}/cli/awsiam.js`, 'doctor'];
    const { code, stderr } = await runProgram(process.execPath, args);
    expect(stderr).toMatch(/^awsiam needs Node\.js 24\.15 or later.*this is v20\.20\.2\. "npm ci" installs one/);
    expect(code).toBe(1);
  });

  test('sends nothing with --offline, and names all that it skipped', async (context) => {
    const { expect } = context;
    const { env, iam, metrist } = await makePlace(context);
    const { code, examination } = await runDoctor(env, ['--offline']);
    expect(code).toBe(0);
    expect(iam.calls).toEqual([]);
    expect(metrist.requests).toEqual([]);
    for (const { findings } of examination.groups) expect(findings).not.toEqual([]);
  });

  test('sends no keys to the STS of AWS if only the endpoint of IAM leads elsewhere', async (context) => {
    const { expect } = context;
    const { env, iam } = await makePlace(context);
    const own = { AWS_ENDPOINT_URL: '', AWS_ENDPOINT_URL_IAM: iam.url, HTTPS_PROXY: '127.0.0.1:9' };
    const { everything } = await runAwsiam(['doctor', '--only', 'network', '--only', 'credentials'], {
      ...env,
      ...own,
    });
    expect(everything).toContain("STS: not checked, because IAM's endpoint is 127.0.0.1");
    expect(everything).toContain('Set AWS_ENDPOINT_URL_STS, too');
    expect(everything).not.toContain('proxy');
  });
});
