import type { TransportFaultName } from './faults.ts';

/** An answer over HTTP, whole. Header names are in lower case. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What becomes of the answer to a request on its way back. */
export type Delivery =
  | { readonly kind: 'answer'; readonly answer: HttpAnswer }
  | { readonly kind: 'reset' }
  | { readonly kind: 'hang' };

/** An answer that reaches the client as it is. */
export function delivered(answer: HttpAnswer): Delivery {
  return { kind: 'answer', answer };
}

/**
 * What a fault of the transport makes of a request.
 * @param carryOut Carries the request out; not called where the fault keeps the request from IAM.
 */
export function spoil(fault: TransportFaultName, carryOut: () => HttpAnswer): Delivery {
  switch (fault) {
    case 'reset-before':
      return { kind: 'reset' };
    case 'reset-after':
      carryOut();
      return { kind: 'reset' };
    case 'hang':
      return { kind: 'hang' };
    case 'hang-after':
      carryOut();
      return { kind: 'hang' };
    case 'truncated': {
      const answer = carryOut();
      return delivered({ ...answer, body: answer.body.slice(0, answer.body.length / 2) });
    }
    case 'empty':
      return delivered({ status: 200, headers: {}, body: '' });
    case 'html':
      return delivered(page(200, '<p>Please sign in<br>to use the network.</p>'));
    case 'xhtml':
      return delivered(page(200, '<p>Please sign in to use the network.</p>'));
    case 'html-500':
      return delivered(page(500, '<h1>Internal Server Error</h1><hr>'));
    case 'html-502':
      return delivered(page(502, '<center><h1>502 Bad Gateway</h1></center><hr><center>proxy</center>'));
    default:
      return fault satisfies never;
  }
}

/** A page of something between the client and IAM: a proxy or a captive portal. */
function page(status: number, content: string): HttpAnswer {
  const body = `<html><head><title>Gateway</title></head><body>${content}</body></html>\n`;
  return { status, headers: { 'content-type': 'text/html' }, body };
}
