import type { Agent as HttpAgent } from 'node:http';
import type { Agent as HttpsAgent } from 'node:https';
import net from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import type { HttpResponse } from '@smithy/core/protocols';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { settleWithin } from '../../../runner/deadline.ts';
import { hideSecrets } from '../../../text/redact.ts';
import { ConnectTimeoutError } from '../errors/error-kinds.ts';
import type { Config } from '../settings/config.ts';
import { secretsOfAnswer, secretsOfRequest } from '../settings/secrets.ts';
import { ForeignAnswerError, readAnswer, whyNotJson, whyNotXml } from './iam-answer.ts';

// An import would evaluate every export of node:http. One of them is `WebSocket`, which loads undici and takes 10 ms.
const http = process.getBuiltinModule('node:http');
const https = process.getBuiltinModule('node:https');

export interface TransportOptions extends Pick<Config, 'requestTimeoutMs' | 'proxyEnvironment'> {
  /** For connecting, with DNS, TCP, a proxy's tunnel and TLS. */
  readonly connectionTimeoutMs: number;
  readonly elapsedMs: () => number;
}

/** Where a request goes: `https:`, a host name, and a port unless it is the protocol's default. */
export interface Origin {
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number | undefined;
}

/** What Node keeps in an agent. https://github.com/nodejs/node/blob/main/lib/internal/http.js */
interface NodeProxy {
  shouldUseProxy(hostname: string, port: number): boolean;
  readonly proxyConnectionOptions: { readonly host: string; readonly port: number };
}

/** For every connection, whether it is opened ahead or by an agent. */
const socketOptions = { keepAlive: true, noDelay: true, ALPNProtocols: ['http/1.1'] };

type Handle = NodeHttpHandler['handle'];

/** The SDK's HTTP handler. It reads every answer to its end and accepts only those of IAM. */
class IamHttpHandler extends NodeHttpHandler {
  override async handle(...parameters: Parameters<Handle>): Promise<{ response: HttpResponse }> {
    const { response } = await super.handle(...parameters);
    response.body = await readAnswer(response, whyNotXml('IAM'));
    return { response };
  }
}

/**
 * For STS and SSO, the services that credentials come from. It records what the SDK's credential providers often hide: which
 * service has not answered, and how the last request failed.
 */
export class CredentialsHttpHandler extends NodeHttpHandler {
  /** Host name of a service that was asked and has not answered. */
  silentHost: string | undefined;
  failure: { readonly host: string; readonly error: unknown } | undefined;

  override async handle(...[request, options]: Parameters<Handle>): Promise<{ response: HttpResponse }> {
    const host = request.hostname;
    this.silentHost = host;
    this.failure = undefined;
    hideSecrets(secretsOfRequest(request));
    try {
      const { response } = await super.handle(request, options);
      // Only STS takes forms.
      const isForm = request.headers['content-type']?.startsWith('application/x-www-form-urlencoded') === true;
      response.body = await readAnswer(response, (text, httpStatus) => {
        // Before the text is cut, which could leave half of a secret.
        hideSecrets(secretsOfAnswer(text));
        return (isForm ? whyNotXml('STS') : whyNotJson)(text, httpStatus);
      });
      const { statusCode } = response;
      if (statusCode >= 500) {
        this.failure = { host, error: new ForeignAnswerError(statusCode, `it answered with HTTP ${statusCode}`) };
      }
      return { response };
    } catch (error) {
      this.failure = { host, error };
      throw error;
    } finally {
      this.silentHost = undefined;
    }
  }
}

/** The SDK's HTTP handlers over agents that keep connections, measure how long opening them takes, and can open one ahead. */
export class Transport {
  readonly handler: NodeHttpHandler;
  readonly credentialsHandler: CredentialsHttpHandler;
  readonly #connectionTimeoutMs: number;
  readonly #agents: { readonly 'http:': HttpAgent; readonly 'https:': HttpsAgent };
  readonly #elapsedMs: () => number;
  #spare: { readonly origin: string; readonly socket: Duplex } | undefined;
  #connectMs: number | undefined;
  /** Host name of the endpoint to which a connection was opened ahead. */
  host: string | undefined;

  constructor({ connectionTimeoutMs, requestTimeoutMs, proxyEnvironment, elapsedMs }: TransportOptions) {
    const options = { ...socketOptions, proxyEnv: { ...proxyEnvironment } };
    this.#elapsedMs = elapsedMs;
    // Never longer than a request may take, so that a timeout while connecting is not taken for one after sending.
    this.#connectionTimeoutMs = Math.min(connectionTimeoutMs, requestTimeoutMs);
    this.#agents = {
      'http:': this.#instrument(new http.Agent(options)),
      'https:': this.#instrument(new https.Agent(options)),
    };
    // The agents limit the time for connecting, because the handler's limit covers TCP only.
    const handlerOptions = {
      httpAgent: this.#agents['http:'],
      httpsAgent: this.#agents['https:'],
      requestTimeout: requestTimeoutMs,
      // Otherwise the handler only warns about a request that takes too long.
      throwOnRequestTimeout: true,
      // The request timeout ends with the answer's headers. This one covers its body.
      socketTimeout: requestTimeoutMs,
    };
    this.handler = new IamHttpHandler(handlerOptions);
    this.credentialsHandler = new CredentialsHttpHandler(handlerOptions);
  }

  /** How long opening connections took since the last call of this method; `undefined` if none was opened. */
  takeConnectMs(): number | undefined {
    const connectMs = this.#connectMs;
    this.#connectMs = undefined;
    return connectMs;
  }

  /** Opens a connection for the next request to this origin. A failure is ignored: the request itself will report it. */
  async openAhead(origin: Origin, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    this.host = origin.hostname;
    const agent = origin.protocol === 'http:' ? this.#agents['http:'] : this.#agents['https:'];
    const host = origin.hostname.replace(/^\[(.*)\]$/, '$1');
    const port = origin.port ?? (origin.protocol === 'http:' ? 80 : 443);
    const options = { ...socketOptions, host, port, servername: net.isIP(host) === 0 ? host : '' };
    let direct: Duplex | null | undefined;
    try {
      const { socket, opened } = this.#connect(agent, options);
      direct = socket;
      this.#spare = { origin: `${host}:${port}`, socket: await settleWithin(opened, signal, 0) };
      // This time is part of no step.
      this.takeConnectMs();
    } catch {
      // Also if the origin is invalid, such as a port out of range. The first request reports it better.
      direct?.destroy();
    }
  }

  /** The agent that requests of this protocol go through. */
  agentFor(protocol: 'http:' | 'https:'): HttpAgent {
    return this.#agents[protocol];
  }

  /** The proxy on the way to an origin, by `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`. Only Node's agents know the rules. */
  proxyFor({ protocol, hostname, port }: Origin): { readonly host: string; readonly port: number } | undefined {
    const agent = this.#agents[protocol === 'http:' ? 'http:' : 'https:'];
    const symbol = Object.getOwnPropertySymbols(agent).find(({ description }) => description === 'kProxyConfig');
    const proxy = symbol === undefined ? undefined : (Reflect.get(agent, symbol) as NodeProxy | null | undefined);
    const isUsed = proxy?.shouldUseProxy(hostname, port ?? (protocol === 'http:' ? 80 : 443));
    return isUsed === true ? proxy?.proxyConnectionOptions : undefined;
  }

  close(): void {
    this.#spare?.socket.destroy();
    this.handler.destroy();
  }

  #instrument<Agent extends HttpAgent>(agent: Agent): Agent {
    agent.createConnection = (options, callback) =>
      this.#takeSpare(`${options.host}:${options.port}`) ?? this.#connect(agent, options, callback).socket;
    return agent;
  }

  /**
   * Opens a connection as Node's own agents do, but limits and measures the time that this takes.
   *
   * @returns what Node returned, and the connection once it is open
   */
  #connect(agent: HttpAgent, ...[options, callback]: Parameters<HttpAgent['createConnection']>) {
    const { promise: opened, resolve, reject } = Promise.withResolvers<Duplex>();
    const startMs = this.#elapsedMs();
    let unopened: Duplex | null | undefined;
    const awaitOpen = (socket: Duplex): void => {
      unopened = socket;
      const done = (): void => {
        this.#connectMs = (this.#connectMs ?? 0) + this.#elapsedMs() - startMs;
        resolve(socket);
      };
      socket.once('error', reject).once('close', reject);
      if (isConnecting(socket)) socket.once(connectEvent(socket), done);
      else done();
    };
    // A direct connection is returned, and the callback gets none. With a proxy, the socket to the proxy is returned first,
    // and the callback gets the tunnel. When a proxy refuses, it gets an error and a socket.
    const { prototype } = agent instanceof https.Agent ? https.Agent : http.Agent;
    const socket = prototype.createConnection.call(agent, options, (error, tunnelled?: Duplex) => {
      if (error) reject(error);
      else if (tunnelled) awaitOpen(tunnelled);
      callback?.(error, tunnelled as Duplex);
    });
    const throughProxy = socket ? leadsToProxy(agent, socket) : false;
    if (socket && !throughProxy) awaitOpen(socket);
    else unopened ??= socket;
    const timer = setTimeout(() => {
      const host = `${options.host}:${options.port}`;
      unopened?.destroy(new ConnectTimeoutError(host, this.#connectionTimeoutMs, { throughProxy }));
    }, this.#connectionTimeoutMs).unref();
    const stopTimer = (): void => clearTimeout(timer);
    opened.then(stopTimer, stopTimer);
    return { socket, opened };
  }

  #takeSpare(origin: string): Duplex | undefined {
    const spare = this.#spare;
    if (spare?.origin !== origin) return undefined;
    this.#spare = undefined;
    return spare.socket.destroyed ? undefined : spare.socket;
  }
}

/**
 * Whether a socket leads only to a proxy. The tunnel through it comes later; anything written before would reach the proxy.
 * Node marks such a socket for its own agents, and there is no other way to recognise it.
 * https://github.com/nodejs/node/blob/main/lib/https.js
 */
function leadsToProxy(agent: HttpAgent, socket: Duplex): boolean {
  if (agent instanceof https.Agent && !(socket instanceof TLSSocket)) return true;
  return Object.getOwnPropertySymbols(socket).some(({ description }) => description === 'kWaitForProxyTunnel');
}

function isConnecting(socket: Duplex): boolean {
  if (socket instanceof TLSSocket) return socket.connecting || !socket.getProtocol();
  return 'connecting' in socket && socket.connecting === true;
}

const connectEvent = (socket: Duplex): string => (socket instanceof TLSSocket ? 'secureConnect' : 'connect');
