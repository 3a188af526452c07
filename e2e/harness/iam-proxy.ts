import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'vitest';
import type { IamServer } from '../../mocks/iam/server.ts';
import { iamErrorXml } from '../../suites/awsiam/testing/http-server.ts';

interface IamProxyOptions extends Pick<TestContext, 'onTestFinished'> {
  /** The date of the answers. @default the mock's */
  readonly now?: () => Date;
  /** Denies an operation. @returns AWS's words for why, such as `because no session policy allows it` */
  readonly deny?: (operation: string) => string | undefined;
}

/** A request that passed, in the order of arrival. */
export interface ProxiedRequest {
  /** `CreateUser` */
  readonly operation: string;
  /** The id of the key that signed it. */
  readonly accessKeyId: string;
}

/** Stands in front of the mock: notes which key signed each request, and may deny it or change the date of the answer. */
export async function startIamProxy(
  iam: IamServer,
  { now, deny, onTestFinished }: IamProxyOptions,
): Promise<{ readonly url: string; readonly requests: readonly ProxiedRequest[] }> {
  const requests: ProxiedRequest[] = [];
  const server = http.createServer((incoming, response) => {
    const forward = async (): Promise<void> => {
      const body = Buffer.concat(await incoming.toArray());
      const { authorization = '' } = incoming.headers;
      const operation = new URLSearchParams(body.toString()).get('Action') ?? '';
      requests.push({
        operation,
        accessKeyId: /Credential=([^/]+)\//.exec(authorization)?.[1] ?? '',
      });
      const why = deny?.(operation);
      if (why !== undefined) {
        const who = 'User: arn:aws:iam::123456789012:user/m';
        const message = `${who} is not authorized to perform: iam:${operation} on resource: * ${why}`;
        response.writeHead(403, { 'content-type': 'text/xml' }).end(iamErrorXml('AccessDenied', message));
        return;
      }
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
