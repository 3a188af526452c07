import { partition } from '@aws-sdk/core/client';
import type { X509Certificate } from 'node:crypto';
import dns from 'node:dns/promises';
import type { IncomingMessage } from 'node:http';
import net from 'node:net';
import { once } from 'node:events';
import { TLSSocket } from 'node:tls';
import { isLoopback } from '../../../host/proxy-settings.ts';
import packageJson from '../../../package.json' with { type: 'json' };
import { systemClock } from '../../../runner/clock.ts';
import type { Transport } from '../../../suites/awsiam/client/transport.ts';
import { iamErrors, tlsErrorCode } from '../../../suites/awsiam/errors/error-table.ts';
import { connectionTimeoutMs } from '../../../suites/awsiam/session.ts';
import type { Config } from '../../../suites/awsiam/settings/config.ts';
import { formatSeconds, formatSpan } from '../../../text/duration.ts';
import { oneLine } from '../../../text/printable.ts';
import type { CheckGroup, DoctorContext, Network } from '../check-group.ts';
import { blocked, offlineWhy, failure, ok, skipped, warning, type Finding, type Needed } from '../finding.ts';

// An import would evaluate every export of node:http. One of them is `WebSocket`, which loads undici.
const http = process.getBuiltinModule('node:http');
const https = process.getBuiltinModule('node:https');

/** The way to IAM and STS: name servers, proxy, TLS, and their clocks. Sends a GET request without a signature to each. */
export const network: CheckGroup = {
  name: 'network',
  title: 'network',
  needsNetwork: true,
  async *check(context) {
    if (!('value' in context.config)) yield blocked('the way to IAM and STS', context.config);
    else yield* (await context.network()).findings;
  },
};

type Service = 'IAM' | 'STS';

/** Sends one request without a signature to each service. */
export async function reachServices(context: DoctorContext): Promise<Network> {
  if (!('value' in context.config)) return { findings: [], iam: context.config, sts: context.config };
  if (context.isOffline) {
    const unreached = { missing: offlineWhy, finding: skipped('the network', offlineWhy) };
    return { findings: [], iam: unreached, sts: unreached };
  }
  const config = context.config.value;
  const { Transport } = await import('../../../suites/awsiam/client/transport.ts');
  const { requestTimeoutMs, proxyEnvironment } = config;
  const transport = new Transport({
    connectionTimeoutMs,
    requestTimeoutMs,
    proxyEnvironment,
    elapsedMs: () => systemClock.elapsedMs(),
  });
  const findings: Finding[] = [];
  try {
    const iamUrl = await findEndpoint('IAM', config);
    const stsUrl = await findEndpoint('STS', config);
    const iam = await reach('IAM', iamUrl, { transport, context, findings });
    const noSts = whyNotSts(stsUrl, { iamUrl, iam });
    if (noSts !== undefined) return { findings: [...findings, noSts.finding], iam, sts: noSts };
    if (stsUrl.href === iamUrl.href) {
      return { findings: [...findings, ok(`STS is at the same address as IAM, ${stsUrl.host}`)], iam, sts: iam };
    }
    const ofSts: Finding[] = [];
    const sts = await reach('STS', stsUrl, { transport, context, findings: ofSts });
    // The proxy has been mentioned.
    const news = ofSts.filter(({ what }) => findings.every((finding) => finding.what !== what));
    return { findings: [...findings, ...news.map(asSideIssue)], iam, sts };
  } catch (error) {
    // The SDK refuses one of its own settings, or this was interrupted.
    const finding = context.failed(error, "the choice of IAM's and STS's endpoints");
    const unreached = { missing: 'the endpoints are unknown', finding };
    return { findings: [...findings, finding], iam: unreached, sts: unreached };
  } finally {
    transport.close();
  }
}

/** @returns why STS is not asked; `undefined` if it may be */
function whyNotSts(stsUrl: URL, { iamUrl, iam }: { readonly iamUrl: URL; readonly iam: Needed<URL> }) {
  if (!('value' in iam)) return withoutSts(iam.missing);
  if (!isOfAws(stsUrl) || isOfAws(iamUrl)) return undefined;
  // A test or a rehearsal, whose keys are not for AWS.
  return withoutSts(
    `IAM's endpoint is ${iamUrl.host}, so AWS's own STS is not asked`,
    'Set AWS_ENDPOINT_URL_STS, too: to the same address for a mock or an emulator.',
  );
}

function withoutSts(why: string, fix?: string) {
  return { missing: why, finding: skipped('STS', why, fix) };
}

/** A run can do without STS, unless its credentials come from there. */
function asSideIssue(finding: Finding): Finding {
  if (finding.state !== 'failure') return finding;
  const fix =
    `Only a run with a role needs STS; the doctor asks it who the keys belong to. ${finding.fix ?? ''}`.trim();
  return { ...finding, state: 'warning', fix };
}

/** Finds the endpoint as the SDK's client does, from all settings and the AWS config files. Sends nothing. */
async function findEndpoint(service: Service, { region, endpoint }: Config): Promise<URL> {
  const { silentLogger, refusedSetting } = await import('../../../suites/awsiam/client/credential-search.ts');
  let url: URL | undefined;
  const options = {
    region,
    credentials: { accessKeyId: 'none', secretAccessKey: 'none' },
    maxAttempts: 1,
    logger: silentLogger,
    requestHandler: {
      handle: ({ protocol, hostname, port }: { protocol: string; hostname: string; port?: number }) => {
        url = new URL(`${protocol}//${hostname}${port === undefined ? '' : `:${port}`}`);
        return Promise.reject(new Error('never sent'));
      },
    },
  };
  try {
    if (service === 'IAM') {
      const { IAM } = await import('../../../suites/awsiam/client/sdk.ts');
      await new IAM({ ...options, ...(endpoint !== undefined && { endpoint }) }).getAccountSummary();
    } else {
      const { STS } = await import('../sts.ts');
      await new STS(options).getCallerIdentity();
    }
  } catch (error) {
    if (url === undefined) throw refusedSetting(error) ?? error;
  }
  if (url === undefined) throw new Error(`the AWS SDK has no endpoint for ${service}`);
  return url;
}

const isOfAws = ({ hostname }: URL): boolean =>
  /\.(amazonaws\.com(\.cn)?|api\.aws|api\.amazonwebservices\.com\.cn)$/.test(hostname);

interface Way {
  readonly transport: Transport;
  readonly context: DoctorContext;
  /** What was found is added here. */
  readonly findings: Finding[];
}

async function reach(service: Service, url: URL, { transport, context, findings }: Way): Promise<Needed<URL>> {
  const { probe, failed } = context;
  const fail = (finding: Finding, error: unknown, at: string): Needed<URL> => {
    findings.push(finding);
    return { missing: `${service} cannot be reached (${context.explain(error, at).code})`, finding };
  };
  findings.push(...findPartitionProblems(service, url, context));
  const { hostname } = url;
  const origin = urlParts(url);
  const proxy = transport.proxyFor(origin);
  if (proxy !== undefined) {
    const name = `${proxy.host}:${proxy.port}`;
    const variable = proxyVariable(url, context);
    const at = `connecting to the proxy ${name}`;
    try {
      await probe(at, async (signal) => await connectOnce(proxy, signal));
      findings.push(ok(`the proxy ${name} (${variable}) takes connections`));
    } catch (error) {
      const { what } = failed(error, at);
      const fix = `Check ${variable}: no proxy answers there. If ${service} can be reached without one, unset it or name ${hostname} in NO_PROXY.`;
      return fail(failure(what, fix), error, at);
    }
    if (net.isIP(origin.hostname) === 0) findings.push(skipped(`the name ${hostname}`, 'the proxy resolves it'));
  } else if (net.isIP(origin.hostname) === 0) {
    const at = `looking up ${hostname}`;
    try {
      const addresses = await probe(at, async () => await dns.lookup(hostname, { all: true }));
      findings.push(ok(`${hostname} has the address ${addresses.map(({ address }) => address).join(', ')}`));
    } catch (error) {
      return fail(failed(error, at), error, at);
    }
  }
  const at = `a request to ${service} at ${url.origin}`;
  try {
    const answer = await probe(at, async (signal) => await sendGet(url, { transport, signal }));
    findings.push(describeConnection(service, url, answer));
    if (service === 'IAM') findings.push(describeClock(answer));
    return { value: url };
  } catch (error) {
    const { code } = context.explain(error, at);
    const issuer = tlsErrorCode.test(code) ? await readIssuer(url, { transport, context }) : undefined;
    const { what, fix = '' } = failed(error, at);
    return fail(
      failure(issuer === undefined ? what : `${what}; the certificate was issued by ${issuer}`, fix),
      error,
      at,
    );
  }
}

/** Asks again without a check of the certificate, to name the CA that this host does not know. Sends nothing secret. */
async function readIssuer(url: URL, { transport, context }: Omit<Way, 'findings'>): Promise<string | undefined> {
  try {
    const { certificate } = await context.probe(`reading the certificate of ${url.host}`, async (signal) => {
      return await sendGet(url, { transport, signal, rejectUnauthorized: false });
    });
    return certificate?.issuer;
  } catch {
    return undefined;
  }
}

function urlParts({ protocol, hostname, port }: URL) {
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  return { protocol, hostname: host, port: port === '' ? undefined : Number(port) };
}

/** The variable that names the proxy. Node prefers the lower-case one. */
function proxyVariable({ protocol }: URL, { values }: DoctorContext): string {
  const names = protocol === 'http:' ? ['http_proxy', 'HTTP_PROXY'] : ['https_proxy', 'HTTPS_PROXY'];
  return names.find((name) => (values[name] ?? '').trim() !== '') ?? names.join(' or ');
}

async function connectOnce(
  address: { readonly host: string; readonly port: number },
  signal: AbortSignal,
): Promise<void> {
  const socket = net.connect({ ...address, signal });
  try {
    await once(socket, 'connect', { signal });
  } finally {
    socket.destroy();
  }
}

/** What an answer shows about the way to its server. */
interface Answer {
  /** The server's clock minus this host's, give or take a second. Absent if the answer has no usable date. */
  readonly offsetMs?: number;
  readonly protocol?: string;
  readonly certificate?: { readonly issuer: string; readonly validTo: Date };
}

async function sendGet(
  url: URL,
  {
    transport,
    ...options
  }: { readonly transport: Transport; readonly signal: AbortSignal; readonly rejectUnauthorized?: boolean },
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const [client, agent] =
    url.protocol === 'http:' ? [http, transport.agentFor('http:')] : [https, transport.agentFor('https:')];
  const headers = { 'user-agent': `${packageJson.name}/${packageJson.version}` };
  client.get(url, { agent, headers, ...options }, resolve).once('error', reject);
  const { headers: answered, socket, statusCode } = await promise.then((response) => response.resume());
  if (statusCode === 407) throw Object.assign(new Error('the proxy answered HTTP 407'), { code: 'ERR_PROXY_TUNNEL' });
  const serverMs = Date.parse(answered.date ?? '');
  // The header has whole seconds: on average, half a second has passed.
  const offset = Number.isNaN(serverMs) ? {} : { offsetMs: serverMs + 500 - Date.now() };
  if (!(socket instanceof TLSSocket)) return offset;
  const certificate = socket.getPeerX509Certificate();
  return {
    ...offset,
    protocol: socket.getProtocol() ?? 'TLS',
    ...(certificate && { certificate: { issuer: nameIssuer(certificate), validTo: certificate.validToDate } }),
  };
}

/** `Amazon, Amazon RSA 2048 M04` */
function nameIssuer({ issuer }: X509Certificate): string {
  const names = issuer.split('\n').flatMap((line) => /^(?:O|CN)=(.*)$/.exec(line)?.[1] ?? []);
  return oneLine(names.join(', '), 200);
}

function describeConnection(service: Service, url: URL, { protocol, certificate }: Answer): Finding {
  const at = `${service} at ${url.host} answers`;
  if (certificate === undefined) {
    const plain = `${at} over http, without TLS`;
    if (isLoopback(url.hostname)) return ok(`${plain}, on this machine`);
    return warning(plain, 'Anybody on the way can read and change what is sent. Use an https endpoint.');
  }
  const { issuer, validTo } = certificate;
  const over = `${at} over ${protocol}, with a certificate by ${issuer} until ${validTo.toISOString().slice(0, 10)}`;
  if (process.env['NODE_TLS_REJECT_UNAUTHORIZED'] !== '0') return ok(over);
  const fix =
    'Certificates are not checked. Unset NODE_TLS_REJECT_UNAUTHORIZED, and name the CA in NODE_EXTRA_CA_CERTS.';
  return failure(over, fix);
}

/** Above this, a run warns. */
const maxGoodOffsetMs = 60_000;
/** Above this, AWS refuses signatures. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html */
const maxOffsetMs = 5 * 60_000;

function describeClock({ offsetMs }: Answer): Finding {
  if (offsetMs === undefined) return skipped("this host's clock", 'the answer has no date');
  const size = Math.abs(offsetMs);
  // The answer's date has whole seconds, and it took a while to arrive.
  if (size < 5000) return ok("this host's clock agrees with IAM's");
  const what = `this host's clock is ${size < 120_000 ? formatSeconds(size) : formatSpan(size)} ${offsetMs < 0 ? 'ahead of' : 'behind'} IAM's`;
  if (size <= maxGoodOffsetMs) return ok(what);
  const advice = `${iamErrors['RequestExpired']?.advice ?? ''} Correct the clock.`.trim();
  return size <= maxOffsetMs ? warning(what, advice) : failure(what, advice);
}

function partitionOfHost(hostname: string): string {
  if (hostname.endsWith('.cn')) return 'aws-cn';
  return hostname.includes('us-gov') ? 'aws-us-gov' : 'aws';
}

/** An endpoint that somebody set may be of another partition than the region. */
function findPartitionProblems(service: Service, url: URL, { config }: DoctorContext): Finding[] {
  if (!('value' in config) || !isOfAws(url)) return [];
  const { region } = config.value;
  const ofRegion = partition(region).name;
  const ofHost = partitionOfHost(url.hostname);
  if (ofRegion === ofHost) return [];
  const what = `${service}'s endpoint ${url.host} is in the partition ${ofHost}, but the region ${region} is in ${ofRegion}`;
  return [failure(what, 'Correct METRIST_AWS_REGION, or unset the endpoint (AWS_ENDPOINT_URL_IAM, AWS_ENDPOINT_URL).')];
}
