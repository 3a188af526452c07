import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ExplainContext } from '../../../runner/monitor.ts';
import { formatStepError, verdicts, type Verdict } from '../../../runner/step-result.ts';
import { ConfigError } from '../../../runner/settings.ts';
import { OpenTimeoutError, StepTimeoutError } from '../../../runner/deadline.ts';
import { ConnectTimeoutError, NoCredentialsError, PropagationError } from './error-kinds.ts';
import { explainError } from './explain-error.ts';
import { ForeignAnswerError } from '../client/iam-answer.ts';
import { UnknownAccountError } from '../session.ts';
import { iamError, nodeError } from '../testing/errors.ts';

const named = (name: string, message: string, fields: object = {}): Error =>
  Object.assign(new Error(message), { name, ...fields });

const requestTimeout =
  '@smithy/node-http-handler - [ERROR] a request has exceeded the configured 30000 ms requestTimeout.';
const socketTimeout =
  '@smithy/node-http-handler - the request socket timed out after 30000 ms of inactivity (configured by client requestHandler).';
const connectTimeout = new ConnectTimeoutError('192.0.2.1:443', 5000);
const unknownPolicy = 'Policy arn:aws:iam::123456789012:policy/p does not exist or is not attachable.';

const context: ExplainContext = { mode: 'live', values: {}, howToConfigure: 'Set the variables' };

describe('explainError', () => {
  test('says how to give a proxy the password that it asks for', () => {
    const message = 'Failed to establish tunnel to iam.amazonaws.com:443: HTTP/1.1 407 Proxy Authentication Required';
    expect(explainError(nodeError('ERR_PROXY_TUNNEL', { message }), 'CreateUser')).toMatchObject({
      verdict: 'network',
      advice: expect.stringContaining('user:password@host:port') as unknown,
    });
  });

  test.for<[name: string, httpStatus: number, verdict: Verdict, advice: RegExp]>([
    ['EntityAlreadyExistsException', 409, 'monitor', /report it/],
    ['NoSuchEntityException', 404, 'service', /does not know an entity/],
    ['DeleteConflictException', 409, 'service', /still attached/],
    ['LimitExceededException', 409, 'quota', /remove leftovers/],
    ['InvalidInputException', 400, 'configuration', /METRIST_NAMESPACE/],
    ['ValidationError', 400, 'configuration', /METRIST_NAMESPACE/],
    ['PolicyNotAttachableException', 400, 'configuration', /METRIST_POLICY_ARN/],
    ['ConcurrentModificationException', 409, 'service', /concurrent change/],
    ['EntityTemporarilyUnmodifiableException', 409, 'propagation', /earlier change/],
    ['ServiceFailureException', 500, 'service', /Health Dashboard/],
    ['ServiceUnavailable', 503, 'service', /Health Dashboard/],
    ['InternalFailure', 500, 'service', /Health Dashboard/],
    ['InternalError', 500, 'service', /Health Dashboard/],
    ['Throttling', 400, 'throttled', /other automation/],
    ['ThrottlingException', 400, 'throttled', /other automation/],
    ['Throttling', 429, 'throttled', /other automation/],
    ['RequestLimitExceeded', 503, 'throttled', /other automation/],
    ['TooManyRequestsException', 429, 'throttled', /other automation/],
    ['AccessDenied', 403, 'permission', /"awsiam policy" prints/],
    ['AccessDeniedException', 400, 'permission', /"awsiam policy" prints/],
    ['NotAuthorized', 400, 'permission', /"awsiam policy" prints/],
    ['UnauthorizedOperation', 403, 'permission', /"awsiam policy" prints/],
    ['InvalidClientTokenId', 403, 'credentials', /METRIST_AWS_ACCESS_KEY_ID.*partition/],
    ['UnrecognizedClientException', 400, 'credentials', /METRIST_AWS_ACCESS_KEY_ID/],
    ['SignatureDoesNotMatch', 403, 'credentials', /secret does not belong.*clock/],
    ['IncompleteSignature', 400, 'credentials', /signature/],
    ['MissingAuthenticationToken', 403, 'credentials', /without a signature/],
    ['ExpiredToken', 403, 'credentials', /renew/],
    ['RequestExpired', 400, 'credentials', /clock/],
    ['OptInRequired', 403, 'credentials', /signed up/],
    ['SomethingNew', 500, 'service', /Health Dashboard/],
    ['SomethingNew', 599, 'service', /Health Dashboard/],
    ['SomethingNew', 429, 'throttled', /other automation/],
    ['SomethingNew', 403, 'permission', /principal/],
    ['SomethingNew', 401, 'permission', /principal/],
    ['SomethingNew', 400, 'monitor', /report it/],
    ['constructor', 400, 'monitor', /report it/],
    ['toString', 500, 'service', /Health Dashboard/],
    ['__proto__', 403, 'permission', /principal/],
  ])('says of %s (HTTP %d): %s', ([name, httpStatus, verdict, advice]) => {
    const explained = explainError(iamError(name, httpStatus, 'as AWS says'), 'CreateUser');
    const code = name.replace(/Exception$/, '');
    expect(explained).toMatchObject({
      verdict,
      code,
      message: `${code} (HTTP ${httpStatus}) at CreateUser: as AWS says`,
      advice: expect.stringMatching(advice) as unknown,
    });
    expect(formatStepError(explained).split(':')[0]).toBe(verdict);
  });

  test.for<[code: string, verdict: Verdict, advice: RegExp]>([
    ['ENOTFOUND', 'network', /does not resolve.*DNS/],
    ['EAI_AGAIN', 'network', /DNS/],
    ['EAI_FAIL', 'network', /DNS/],
    ['ECONNREFUSED', 'network', /Nobody listens/],
    ['ECONNRESET', 'network', /was cut/],
    ['EPIPE', 'network', /was cut/],
    ['ECONNABORTED', 'network', /was cut/],
    ['ERR_STREAM_PREMATURE_CLOSE', 'network', /was cut/],
    ['EHOSTUNREACH', 'network', /path from this host/],
    ['EHOSTDOWN', 'network', /path from this host/],
    ['ENETUNREACH', 'network', /path from this host/],
    ['ENETDOWN', 'network', /path from this host/],
    ['ENETRESET', 'network', /was cut/],
    ['EADDRNOTAVAIL', 'network', /no address or port/],
    ['EACCES', 'network', /does not allow/],
    ['EPERM', 'network', /does not allow/],
    ['ETIMEDOUT', 'timeout', /No answer came in time/],
    ['EMFILE', 'monitor', /ulimit/],
    ['ENFILE', 'monitor', /raise the limit/],
    ['ERR_PROXY_TUNNEL', 'network', /HTTPS_PROXY and NO_PROXY/],
    ['EPROTO', 'network', /certificate/],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'network', /NODE_EXTRA_CA_CERTS/],
    ['ERR_TLS_HANDSHAKE_TIMEOUT', 'network', /certificate/],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'network', /certificate/],
    ['ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', 'network', /certificate/],
    ['UNABLE_TO_GET_ISSUER_CERT', 'network', /certificate/],
    ['UNABLE_TO_GET_CRL', 'network', /certificate/],
    ['UNABLE_TO_DECRYPT_CERT_SIGNATURE', 'network', /certificate/],
    ['UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY', 'network', /certificate/],
    ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'network', /certificate/],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'network', /certificate/],
    ['CERT_SIGNATURE_FAILURE', 'network', /certificate/],
    ['CERT_NOT_YET_VALID', 'network', /certificate/],
    ['CERT_HAS_EXPIRED', 'network', /certificate/],
    ['CERT_CHAIN_TOO_LONG', 'network', /certificate/],
    ['CERT_REVOKED', 'network', /certificate/],
    ['CERT_UNTRUSTED', 'network', /certificate/],
    ['CERT_REJECTED', 'network', /certificate/],
    ['CRL_SIGNATURE_FAILURE', 'network', /certificate/],
    ['CRL_HAS_EXPIRED', 'network', /certificate/],
    ['ERROR_IN_CERT_NOT_BEFORE_FIELD', 'network', /certificate/],
    ['ERROR_IN_CRL_NEXT_UPDATE_FIELD', 'network', /certificate/],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'network', /certificate/],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'network', /certificate/],
    ['INVALID_CA', 'network', /certificate/],
    ['INVALID_PURPOSE', 'network', /certificate/],
    ['PATH_LENGTH_EXCEEDED', 'network', /certificate/],
    ['HOSTNAME_MISMATCH', 'network', /certificate/],
    ['HPE_INVALID_CONSTANT', 'service', /other than AWS/],
    ['HPE_INVALID_HEADER_TOKEN', 'service', /other than AWS/],
    ['HPE_HEADER_OVERFLOW', 'service', /other than AWS/],
    ['ERR_INVALID_URL', 'configuration', /AWS_ENDPOINT_URL_IAM/],
    ['ERR_SOMETHING_ELSE', 'monitor', /report it/],
    ['constructor', 'monitor', /report it/],
  ])('says of Node’s %s: %s', ([code, verdict, advice]) => {
    expect(explainError(nodeError(code), 'CreateUser')).toMatchObject({
      verdict,
      code,
      message: `${code} at CreateUser: connect ${code} 192.0.2.1:443`,
      advice: expect.stringMatching(advice) as unknown,
    });
  });

  test.for<[what: string, error: Error, verdict: Verdict, advice: RegExp]>([
    [
      'an answer that does not come',
      named('TimeoutError', requestTimeout, { code: 'ETIMEDOUT' }),
      'timeout',
      /did not answer in time/,
    ],
    ['a body that stalls', named('TimeoutError', socketTimeout), 'timeout', /did not answer in time/],
    ['a connection that does not open', connectTimeout, 'timeout', /Nothing was sent.*path from this host/],
    ['a step past its deadline', new StepTimeoutError(900_000, 'it'), 'timeout', /METRIST_STEP_TIMEOUT_SECS/],
    ['a host too slow to load the SDK', new OpenTimeoutError(30_000, undefined), 'monitor', /slow file system/],
    ['a reset that the SDK calls a timeout', nodeError('ECONNRESET', { name: 'TimeoutError' }), 'network', /was cut/],
    [
      'a refusal that the SDK calls a timeout',
      nodeError('ECONNREFUSED', { name: 'TimeoutError' }),
      'network',
      /Nobody listens/,
    ],
    [
      'a signal of ours that timed out',
      new DOMException('The operation was aborted due to timeout', 'TimeoutError'),
      'timeout',
      /in time/,
    ],
    ['an empty answer', new ForeignAnswerError(200, 'the answer is empty'), 'service', /other than AWS/],
    [
      'a proxy’s page',
      new ForeignAnswerError(403, "the answer is not one of IAM's: <html>"),
      'service',
      /other than AWS/,
    ],
    [
      'missing credentials',
      named('CredentialsProviderError', 'Could not load credentials from any providers'),
      'credentials',
      /METRIST_AWS_ACCESS_KEY_ID/,
    ],
    ['an SSO session that ended', named('TokenProviderError', 'Token is expired'), 'credentials', /SSO/],
    ['an account that stayed unknown', new UnknownAccountError(), 'service', /METRIST_POLICY_ARN/],
    ['a bug', new TypeError('x is not a function'), 'monitor', /report it/],
  ])('says of %s: $2', ([, error, verdict, advice]) => {
    const explained = explainError(error, 'CreateUser');
    expect(explained).toMatchObject({ verdict, advice: expect.stringMatching(advice) as unknown });
    const words = error.message.includes('smithy') ? /at CreateUser: (no|the) \w+/ : error.message.slice(0, 40);
    expect(explained.message).toMatch(words);
  });

  test('passes on the problems of a configuration, with the front end’s advice on how to change it', () => {
    const error = new ConfigError(['METRIST_AWS_REGION is not set']);
    expect(explainError(error, 'CreateUser', { ...context, howToConfigure: 'Turn the left knob' })).toEqual({
      verdict: 'configuration',
      code: 'ConfigError',
      message: '1 problem with the settings:\n- METRIST_AWS_REGION is not set',
      advice: 'AWS was not called. Turn the left knob',
    });
  });

  describe('for a policy that does not exist', () => {
    const arn = 'arn:aws:iam::123456789012:policy/AwsIamMonitorTestPolicies/prod-us-east-1-awsiam-testpolicy';
    const explain = (message: string, mode: 'live' | 'offline' = 'live') =>
      explainError(iamError('NoSuchEntityException', 404, message), 'AttachPolicy', { ...context, mode });
    const create =
      'aws iam create-policy --path /AwsIamMonitorTestPolicies/ --policy-name prod-us-east-1-awsiam-testpolicy --policy-document "$(npx awsiam policy --test-policy)"';

    test('says that the configuration is wrong, what to check, and how to create the test policy', () => {
      const { verdict, code, advice } = explain(`Policy ${arn} does not exist or is not attachable.`);
      expect({ verdict, code }).toEqual({ verdict: 'configuration', code: 'NoSuchEntity' });
      expect(advice).toMatch(/METRIST_NAMESPACE and METRIST_AWS_REGION.*METRIST_POLICY_ARN.*typing error/);
      expect(advice).toContain(create);
    });

    test('offers no command for another policy', () => {
      expect(explain(unknownPolicy).advice).not.toContain('aws iam');
    });

    test('offers no command in an offline run', () => {
      expect(explain(`Policy ${arn} does not exist.`, 'offline').advice).not.toContain('aws iam');
    });
  });

  test.for<[from: string, values: Record<string, string>]>([
    ['AWS_ENDPOINT_URL_IAM', { AWS_ENDPOINT_URL_IAM: 'http://127.0.0.1:4566', AWS_ENDPOINT_URL: 'http://x' }],
    ['AWS_ENDPOINT_URL', { AWS_ENDPOINT_URL: 'http://127.0.0.1:4566' }],
    ['METRIST_AWSIAM_ENDPOINT_URL', { METRIST_AWSIAM_ENDPOINT_URL: 'http://127.0.0.1:4566' }],
    ['EndpointUrl in the Config JSON', { 'EndpointUrl in the Config JSON': 'http://127.0.0.1:4566' }],
  ])('names %s if its endpoint cannot be reached', ([from, values]) => {
    const { advice } = explainError(nodeError('ECONNREFUSED'), 'CreateUser', { ...context, values });
    expect(advice).toMatch(new RegExp(`Nobody listens.*The endpoint comes from ${from}: is it right\\?$`));
  });

  test('names no endpoint that is not used', () => {
    const ignored = { AWS_ENDPOINT_URL: 'http://x', AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'true' };
    for (const values of [{}, ignored]) {
      const { advice } = explainError(nodeError('ECONNREFUSED'), 'CreateUser', { ...context, values });
      expect(advice).not.toContain('The endpoint comes from');
    }
  });

  test('names the setting that limits the time for an answer', () => {
    const error = named('TimeoutError', requestTimeout, { code: 'ETIMEDOUT' });
    expect(explainError(error, 'CreateUser').advice).toContain('METRIST_REQUEST_TIMEOUT_SECS');
  });

  test('names the action that is not allowed', () => {
    const message =
      'User: arn:aws:iam::123456789012:user/m is not authorized to perform: iam:CreateUser on resource: * because no identity-based policy allows the iam:CreateUser action';
    expect(explainError(iamError('AccessDenied', 403, message), 'CreateUser').advice).toMatch(
      /^iam:CreateUser is not allowed\. /,
    );
    const words = iamError('AccessDenied', 403, 'no more words');
    expect(explainError(words, 'CreateUser').advice).not.toContain('is not allowed');
  });

  test.for<[action: string, reason: string, values: Record<string, string>, advice: RegExp]>([
    ['CreateUser', 'no identity-based policy allows it', {}, /boundary, set METRIST_PERMISSIONS_BOUNDARY_ARN\.$/],
    [
      'AttachUserPolicy',
      'no identity-based policy allows it',
      { 'PermissionsBoundaryArn in the Config JSON': 'arn' },
      /boundary, it must be the one in METRIST_PERMISSIONS_BOUNDARY_ARN\.$/,
    ],
    ['CreateUser', 'of an explicit deny in a service control policy', {}, /permission boundary\.$/],
    ['DeleteUser', 'no identity-based policy allows it', {}, /permission boundary\.$/],
  ])('says of a denied %s, because %s, what a demanded boundary needs', ([action, reason, values, advice]) => {
    const message = `User: arn:aws:iam::123456789012:user/m is not authorized to perform: iam:${action} on resource: * because ${reason}`;
    const explained = explainError(iamError('AccessDenied', 403, message), action, { ...context, values });
    expect(explained.advice).toMatch(advice);
  });

  test('says that a missing permissions boundary is a matter of the configuration', () => {
    const message = 'Scope ARN: arn:aws:iam::123456789012:policy/p does not exist or is not attachable.';
    expect(explainError(iamError('NoSuchEntityException', 404, message), 'CreateUser')).toMatchObject({
      verdict: 'configuration',
      message: expect.stringContaining(message) as unknown,
      advice: expect.stringContaining('METRIST_PERMISSIONS_BOUNDARY_ARN') as unknown,
    });
  });

  test('calls a change that never became visible propagation, and says how long we waited and for what', () => {
    const cause = iamError('NoSuchEntityException', 404, 'The user with name u cannot be found.');
    expect(explainError(new PropagationError(cause, 60_123), 'AddUserToGroup')).toMatchObject({
      verdict: 'propagation',
      code: 'NoSuchEntity',
      message: 'NoSuchEntity (HTTP 404) at AddUserToGroup after waiting 60 s: The user with name u cannot be found.',
      advice: expect.stringContaining('METRIST_PROPAGATION_TIMEOUT_SECS') as unknown,
    });
  });

  test('finds a known cause behind an error, and shows both', () => {
    const error = new Error('could not send', { cause: new Error('tunnel', { cause: nodeError('ENOTFOUND') }) });
    expect(explainError(error, 'CreateUser')).toMatchObject({
      verdict: 'network',
      message: 'Error at CreateUser: could not send; tunnel; connect ENOTFOUND 192.0.2.1:443',
    });
  });

  test('copes with causes that form a circle', () => {
    const one = new Error('one');
    const other = new Error('other', { cause: one });
    one.cause = other;
    expect(explainError(one, 'CreateUser')).toMatchObject({ verdict: 'monitor', code: 'Error' });
  });

  test('shows every address that was tried', () => {
    const error = Object.assign(new AggregateError([nodeError('ECONNREFUSED'), nodeError('ENETUNREACH')]), {
      code: 'ECONNREFUSED',
    });
    expect(explainError(error, 'CreateUser')).toMatchObject({
      verdict: 'network',
      code: 'ECONNREFUSED',
      message:
        'ECONNREFUSED at CreateUser: Error: connect ECONNREFUSED 192.0.2.1:443; Error: connect ENETUNREACH 192.0.2.1:443',
    });
  });

  test.for([
    ['text', 'something was thrown that is not an error: text'],
    [undefined, 'something was thrown that is not an error: undefined'],
    [Object.create(null), 'something was thrown that is not an error: object'],
    [new Error(''), 'no message'],
  ] as const)('has a message for %o', ([error, text]) => {
    expect(explainError(error, 'CreateUser')).toMatchObject({
      verdict: 'monitor',
      message: expect.stringContaining(text) as unknown,
    });
  });

  test('shortens a message of a megabyte', () => {
    const { message, stack } = explainError(new Error('x'.repeat(1_000_000)), 'CreateUser');
    expect(message.length).toBeLessThan(5000);
    expect(stack?.length).toBeLessThan(5000);
  });

  test('does not throw for a proxy that has been revoked', () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    expect(explainError(proxy, 'CreateUser')).toMatchObject({
      verdict: 'monitor',
      message: 'UnknownError at CreateUser: an error that cannot be read',
    });
  });

  test('never throws, whatever it is given, and always gives a verdict and advice', () => {
    const throwing = new Proxy(new Error('proxy'), {
      get() {
        throw new Error('no');
      },
    });
    const oddError = fc
      .record(
        {
          name: fc.oneof(fc.string(), fc.anything()),
          message: fc.oneof(fc.string(), fc.anything()),
          code: fc.oneof(fc.string(), fc.anything()),
          cause: fc.anything(),
          stack: fc.anything(),
          $fault: fc.anything(),
          $metadata: fc.oneof(fc.record({ httpStatusCode: fc.oneof(fc.nat(), fc.anything()) }), fc.anything()),
        },
        { requiredKeys: [] },
      )
      .chain((fields) =>
        fc.constantFrom(new Error('odd'), new AggregateError([1])).map((error) => Object.assign(error, fields)),
      );
    const thrown = fc.oneof(
      fc.anything({ withNullPrototype: true, withBigInt: true }),
      oddError,
      fc.constantFrom<unknown>(throwing, Symbol('s'), () => 'f'),
    );
    const unreadable = fc
      .tuple(
        fc.constantFrom(
          () => new Error('odd'),
          () => new ConfigError(['odd']),
        ),
        fc.constantFrom('name', 'message', 'code', 'cause', 'stack', '$fault', '$metadata'),
      )
      .map(([make, property]) =>
        Object.defineProperty(make(), property, {
          get() {
            throw new Error('no');
          },
        }),
      );
    const wrapped = oddError.chain((cause) =>
      fc.constantFrom<unknown>(
        new Error('odd', { cause }),
        new AggregateError([cause]),
        new PropagationError(cause, 60_000),
        new NoCredentialsError('none', { cause, host: 'sts.amazonaws.com' }),
        new OpenTimeoutError(30_000, cause),
        new ForeignAnswerError(502, 'odd', { cause }),
      ),
    );
    const odd = fc.oneof(thrown, unreadable, wrapped);
    fc.assert(
      fc.property(odd, (error) => {
        const explained = explainError(error, 'CreateUser');
        expect(Object.keys(verdicts)).toContain(explained.verdict);
        expect(explained.code).toBeTypeOf('string');
        expect(explained.message).toMatch(/CreateUser|problem with the settings/);
        expect(explained.advice).not.toBe('');
        expect(JSON.parse(JSON.stringify(explained))).toEqual(explained);
      }),
      { numRuns: 2000 },
    );
  });
});

test.for([
  ['requestTimeout', requestTimeout, 'no answer within 30 s of the request'],
  ['socketTimeout', socketTimeout, 'the answer stopped coming for 30 s'],
])('the SDK’s message about its %s is put into plain words', ([, message, words]) => {
  const error = Object.assign(new Error(message), { name: 'TimeoutError' });
  expect(explainError(error, 'CreateUser').message).toBe(`TimeoutError at CreateUser: ${words}`);
});
