import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, test } from 'vitest';
import { groupNames } from '../../../cli/doctor/finding.ts';
import { mountSmallDisk, need } from '../../../runner/testing/needs.ts';
import { makeCertificate } from '../../../suites/awsiam/testing/certificate.ts';
import { runProgram, runAwsiam, projectDir, secrets } from '../../harness/run.ts';
import { changesOf, makePlace, runDoctor, type Misconfiguration } from './misconfiguration.ts';
import { services, withPathScopedPolicy } from './services.ts';
import { startTlsServer, surroundings } from './surroundings.ts';

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

  test('warns of a disk that is nearly full', async (context) => {
    const { expect } = context;
    const { env, resultsDir } = await makePlace(context);
    await mountSmallDisk(context, resultsDir, '1m');
    const { code, stdout } = await runAwsiam(['doctor', '--only', 'host'], env);
    expect(stdout).toMatch(
      /! its disk has [01] MB left\n +Make room, or let METRIST_RESULTS_DIR name another directory/,
    );
    expect(code).toBe(0);
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

  test('shows the issuer and the end of a certificate that is trusted', async (context) => {
    const { expect } = context;
    const certificate = need(context, await makeCertificate(), 'the openssl command');
    const server = await startTlsServer(certificate, context);
    const { env, home } = await makePlace(context);
    const ca = path.join(home, 'ca.pem');
    await writeFile(ca, certificate.cert);
    const own = { AWS_ENDPOINT_URL: server.url, NODE_EXTRA_CA_CERTS: ca };
    const { code, stdout } = await runAwsiam(['doctor', '--only', 'network'], { ...env, ...own });
    expect(stdout).toMatch(/✓ localhost has the address (127\.0\.0\.1|::1)/);
    expect(stdout).toMatch(
      /✓ IAM at localhost:\d+ answers over TLSv1\.3, with a certificate by localhost until \d{4}-\d\d-\d\d\n/,
    );
    expect(code).toBe(0);
    const unchecked = await runAwsiam(['doctor', '--only', 'network'], {
      ...env,
      ...own,
      NODE_TLS_REJECT_UNAUTHORIZED: '0',
    });
    expect(unchecked.stdout).toContain('Certificates are not checked. Unset NODE_TLS_REJECT_UNAUTHORIZED');
    expect(unchecked.code).toBe(1);
  });

  test('is not loaded by a run, and neither is the client of STS', async (context) => {
    const { expect } = context;
    const watch = `import { registerHooks } from 'node:module';
      registerHooks({ load: (url, context, next) => {
        if (/cli.doctor|client-sts/.test(url)) process.stderr.write('loaded ' + url + '\\n');
        return next(url, context);
      } });`;
    const { env } = await makePlace(context);
    const watched = { ...env, NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(watch)}` };
    expect((await runAwsiam(['run'], watched)).everything).not.toContain('loaded ');
    const { stderr } = await runAwsiam(['doctor', '--only', 'credentials'], watched);
    expect(stderr).toMatch(/loaded \S+doctor[^]*loaded \S+client-sts/);
  });
});
