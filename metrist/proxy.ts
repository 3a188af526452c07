import type { Values } from '../runner/monitor.ts';
import { readProxySettings } from '../host/proxy-settings.ts';

// Not imported: that would evaluate every export of node:http, all of undici among them.
const http = process.getBuiltinModule('node:http');

/**
 * A `fetch` that goes through the proxy that `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` name (or their lower-case forms),
 * without `NODE_USE_ENV_PROXY`. The Orchestrator's form without a scheme, `host:port`, means http.
 *
 * A loopback host is never asked through a proxy: that would look for it on its own machine, and see the token.
 */
export function fetchThroughProxy(values: Values, baseUrl: string): typeof globalThis.fetch {
  if (baseUrl.startsWith('http:')) return globalThis.fetch;
  const { environment, problems } = readProxySettings(values);
  try {
    if (problems.length > 0) throw Object.assign(new Error(problems.join('; ')), { code: 'ERR_PROXY_INVALID_CONFIG' });
    http.setGlobalProxyFromEnv(environment);
    return globalThis.fetch;
  } catch (error) {
    // Without the proxy the request must not leave; what is wrong is said where it would have left.
    return () => Promise.reject(error);
  }
}
