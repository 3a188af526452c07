import type { Values } from './monitor.ts';

const proxyNames = ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy'];

/**
 * The variables that say which proxy to use, as Node understands them: the Orchestrator's form without a scheme,
 * `host:port`, means http.
 */
export function proxyEnvironment(values: Values): NodeJS.ProcessEnv {
  const proxies = proxyNames.flatMap((name) => {
    const value = values[name]?.trim();
    return value ? [[name, value.includes('://') ? value : `http://${value}`]] : [];
  });
  const noProxy = values['no_proxy'] ?? values['NO_PROXY'];
  return { ...(Object.fromEntries(proxies) as NodeJS.ProcessEnv), ...(noProxy && { NO_PROXY: noProxy }) };
}
