import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'vitest';
import type { IamServer } from '../../mocks/iam/server.ts';

interface IamProxyOptions extends Pick<TestContext, 'onTestFinished'> {
  /** The date of the answers. @default the mock's */
  readonly now?: () => Date;
}

/** A request that passed, in the order of arrival. */
export interface ProxiedRequest {
  /** `CreateUser` */
  readonly operation: string;
  /** The id of the key that signed it. */
  readonly accessKeyId: string;
}

/** Stands in front of the mock: notes which key signed each request, and may change the date of the answers. */
export async function startIamProxy(
  iam: IamServer,
  { now, onTestFinished }: IamProxyOptions,
): Promise<{ readonly url: string; readonly requests: readonly ProxiedRequest[] }> {
  const requests: ProxiedRequest[] = [];
  const server = http.createServer((incoming, response) => {
    const forward = async (): Promise<void> => {
      const body = Buffer.concat(await incoming.toArray());
      const { authorization = '' } = incoming.headers;
      requests.push({
        operation: new URLSearchParams(body.toString()).get('Action') ?? '',
        accessKeyId: /Credential=([^/]+)\//.exec(authorization)?.[1] ?? '',
      });
      const outgoing = http.request(iam.url + (incoming.url ?? '/'), {
        method: incoming.method,
        headers: incoming.headers,
        agent: false,
      });
      outgoing.end(body);
      const [answer] = (await once(outgoing, 'response')) as [http.IncomingMessage];
      const text = Buffer.concat(await answer.toArray());
      response.writeHead(answer.statusCode ?? 502, { ...answer.headers, ...(now && { date: now().toUTCString() }) });
      response.end(text);
    };
    forward().catch(() => incoming.socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
}
