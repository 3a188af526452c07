import type { Values } from '../runner/monitor.ts';

/** The variables that name a proxy. Each may hold a password. */
export const proxyNames = ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy'] as const;

const expected =
  'expected host:port or http://host:port, and with a password http://user:password@host:port, ' +
  'in which special characters of user and password are percent-encoded (/ as %2F, @ as %40, % as %25)';

interface ProxySettings {
  /** For Node. Only values that Node can use, because Node ignores some wrong ones and then connects directly. */
  readonly environment: NodeJS.ProcessEnv;
  /** One sentence for each variable that cannot be used, without its value, which may hold a password. */
  readonly problems: readonly string[];
}

/**
 * Reads `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`, and their lower-case forms. Without a scheme, as the Orchestrator writes
 * it, `host:port` means http. Never throws.
 */
export function readProxySettings(values: Values): ProxySettings {
  const environment: Record<string, string> = {};
  const problems: string[] = [];
  for (const name of proxyNames) {
    const value = values[name]?.trim();
    if (!value) continue;
    const url = value.includes('://') ? value : `http://${value}`;
    if (isProxyUrl(url)) environment[name] = url.replace(/^https?:/i, (scheme) => scheme.toLowerCase());
    else problems.push(`${name} is not the address of a proxy (not shown: it may hold a password): ${expected}`);
  }
  const noProxy = values['no_proxy'] ?? values['NO_PROXY'];
  return { environment: { ...(environment as NodeJS.ProcessEnv), ...(noProxy && { NO_PROXY: noProxy }) }, problems };
}

const loopbackPattern = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/** Whether a URL's host name is this machine. It is never reached through a proxy, which would look for it on its own. */
export function isLoopback(hostname: string): boolean {
  return loopbackPattern.test(hostname);
}

function isProxyUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || /\s/.test(text)) return false;
  // A path is the rest of a password that contains a slash.
  return /^https?:$/.test(url.protocol) && url.pathname + url.search + url.hash === '/' && isDecodable(url);
}

function isDecodable({ username, password }: URL): boolean {
  try {
    decodeURIComponent(username + password);
    return true;
  } catch {
    return false;
  }
}
