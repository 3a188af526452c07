import http from 'node:http';
import type { Values } from '../runner/monitor.ts';

/**
 * A `fetch` that goes through the proxy that `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` name (or their lower-case forms),
 * without `NODE_USE_ENV_PROXY`. The Orchestrator's form without a scheme, `host:port`, means http.
 *
 * A loopback host is never asked through a proxy: that would look for it on its own machine, and see the token.
 */
export function fetchThroughProxy(values: Values, baseUrl: string): typeof globalThis.fetch {
  if (baseUrl.startsWith('http:')) return globalThis.fetch;
  try {
    http.setGlobalProxyFromEnv(withSchemes(values));
    return globalThis.fetch;
  } catch (error) {
    // Without the proxy the request must not leave; what is wrong is said where it would have left.
    return () => Promise.reject(error);
  }
}

function withSchemes(values: Values): NodeJS.ProcessEnv {
  const names = ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy'];
  const proxies = names.flatMap((name) => {
    const value = values[name]?.trim();
    return value ? [[name, value.includes('://') ? value : `http://${value}`]] : [];
  });
  const noProxy = values['no_proxy'] ?? values['NO_PROXY'];
  return { ...(Object.fromEntries(proxies) as NodeJS.ProcessEnv), ...(noProxy && { NO_PROXY: noProxy }) };
}
