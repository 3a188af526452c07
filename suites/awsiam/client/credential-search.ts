import { defaultProvider } from '@aws-sdk/credential-provider-node';
import { getProfileName, loadSharedConfigFiles } from '@smithy/core/config';
import type { AwsCredentialIdentityProvider, Logger } from '@smithy/types';
import { isAnswer, NoCredentialsError } from '../errors/error-kinds.ts';
import { hideSecrets } from '../../../text/redact.ts';
import { ConfigError } from '../../../runner/settings.ts';
import { secretsOfProcess } from '../settings/secrets.ts';
import type { CredentialsHttpHandler } from './transport.ts';

/** For the SDK's clients, which otherwise print their own warnings into the output of a run. */
export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/** What a provider logs if the user has not configured it, which is no failure. */
const notConfigured =
  /^(Skipping SSO provider|Unable to find environment variable|AWS_PROFILE is set, skipping|Web identity configuration not|EC2 Instance Metadata Service access disabled|AWS_EC2_METADATA_V1_DISABLED not set|Could not load credentials from any|Not found in )|Profile default could not be found|profile: \[default\]|did not contain credential_process/;

/**
 * Reads the AWS config files for all clients that are made from now on. The SDK reads them only once in a process, but in the
 * life of a process that makes many runs, keys are rotated. Never rejects: without files the SDK goes on.
 */
export async function refreshConfigFiles(): Promise<void> {
  await loadSharedConfigFiles({ ignoreCache: true });
}

/**
 * Looks for credentials with the SDK's default chain. The chain's own error only says that none were found. This class also
 * reads what the chain's providers log and watches their requests, so that an error can say which one failed, and why.
 */
export class CredentialSearch {
  readonly #handler: CredentialsHttpHandler;
  readonly #find: AwsCredentialIdentityProvider;
  #log: string[] = [];

  /** @param handler for requests to STS and SSO, through the proxy if there is one */
  constructor(handler: CredentialsHttpHandler) {
    this.#handler = handler;
    const clientConfig = { requestHandler: handler, logger: silentLogger };
    this.#find = defaultProvider({
      clientConfig,
      parentClientConfig: clientConfig,
      logger: { ...silentLogger, debug: (...words: unknown[]) => this.#log.push(words.join(' ')) },
    });
  }

  /**
   * The provider for the client's configuration.
   *
   * @throws {NoCredentialsError}
   * @throws {ConfigError} if the SDK refuses one of its own settings
   */
  readonly provider: AwsCredentialIdentityProvider = async (options) => {
    this.#log = [];
    this.#handler.failure = undefined;
    try {
      return await this.#find(options);
    } catch (error) {
      throw refusedSetting(error) ?? this.#explain(error);
    }
  };

  /** An error that says what the search is waiting for. */
  unfinished(): NoCredentialsError {
    const { silentHost, failure } = this.#handler;
    if (silentHost !== undefined) {
      return new NoCredentialsError(`waiting for credentials from ${silentHost}`, { code: 'ETIMEDOUT' });
    }
    if (failure !== undefined) return serviceFailed(failure);
    const last = this.#log.at(-1) ?? '';
    const source = sources.find(([pattern]) => pattern.test(last))?.[1] ?? 'the AWS config files';
    return new NoCredentialsError(`waiting for credentials from ${source}${this.#ofProfile(last)}`);
  }

  #explain(error: unknown): NoCredentialsError {
    if (isAnswer(error)) return new NoCredentialsError('getting credentials failed', { cause: error });
    if (this.#handler.failure !== undefined) return serviceFailed(this.#handler.failure);
    const isExhausted = error instanceof Error && error.message.startsWith('Could not load credentials from any');
    if (!isExhausted) return new NoCredentialsError('getting credentials failed', { cause: error });
    const reasons = this.#log
      .flatMap((line) => /^@smithy\/property-provider \S+ (.*)$/s.exec(line)?.[1] ?? [])
      .filter((reason) => !notConfigured.test(reason))
      .map((reason) => this.#inPlainWords(reason));
    return new NoCredentialsError(['no credentials were found', ...new Set(reasons)].join('; '));
  }

  /** The SDK's message about a process quotes its command line, which may hold a secret. It does not contain the stdout. */
  #inPlainWords(reason: string): string {
    const [, command, stderr = ''] = /^Command failed: ([^\n]*)\n?(.*)$/s.exec(reason) ?? [];
    if (command === undefined) return reason.replace(/\.$/, '');
    hideSecrets(secretsOfProcess(command, stderr));
    const words = stderr.trim() === '' ? 'it printed nothing on stderr' : stderr.trim();
    return `the credential_process ${programOf(command)}${this.#ofProfile('process')} failed: ${words}`;
  }

  /** Names the profile with the process: the profile in use, or the source profile that it leads to. */
  #ofProfile(line: string): string {
    if (!/process/.test(line)) return '';
    const nested = this.#log.flatMap((each) => /source_profile=\[(.+)\]/.exec(each)?.[1] ?? []).at(-1);
    return ` of profile ${nested ?? getProfileName({})}`;
  }
}

const sources: readonly (readonly [RegExp, string])[] = [
  [/credential-provider-process/, 'the credential_process'],
  [/fromInstanceMetadata|Instance Metadata/, 'the instance metadata service (IMDS)'],
  [/fromHttp|fromContainerMetadata/, "the container's credential endpoint"],
];

function serviceFailed({ host, error }: NonNullable<CredentialsHttpHandler['failure']>): NoCredentialsError {
  return new NoCredentialsError(`getting credentials from ${host} failed`, { host, cause: error });
}

/** The file name of the program in a command line, which may begin with assignments of variables. */
function programOf(commandLine: string): string {
  const [, quoted, plain] = /^(?:\w+=\S*\s+)*(?:["']([^"']+)["']|(\S+))/.exec(commandLine.trim()) ?? [];
  return (quoted ?? plain ?? '').split(/[/\\]/).at(-1) ?? '';
}

/** Settings that the SDK refuses with an error that does not name them. */
const refusals: readonly (readonly [RegExp, string])[] = [
  [/"defaultsMode"/, 'AWS_DEFAULTS_MODE (defaults_mode in the AWS config file)'],
  [/\bFIPS\b/, 'AWS_USE_FIPS_ENDPOINT (use_fips_endpoint in the AWS config file)'],
  [/\bDualstack\b/i, 'AWS_USE_DUALSTACK_ENDPOINT (use_dualstack_endpoint in the AWS config file)'],
];

/** Turns an error that the SDK throws about one of its own settings, before it sends anything, into a ConfigError. */
export function refusedSetting(error: unknown): ConfigError | undefined {
  if (!(error instanceof Error) || (error.name !== 'EndpointError' && error.constructor !== Error)) return undefined;
  const setting = refusals.find(([pattern]) => pattern.test(error.message))?.[1];
  if (setting === undefined) return undefined;
  const remedy = /custom endpoint/.test(error.message)
    ? '; unset it, or the endpoint (AWS_ENDPOINT_URL_IAM, AWS_ENDPOINT_URL, endpoint_url)'
    : '';
  return new ConfigError([`${setting} is refused by the AWS SDK: ${error.message}${remedy}`]);
}
