import { channel } from 'node:diagnostics_channel';

/**
 * Loaded before everything else, throws two errors that nobody can handle: one while the steps run, at their third request,
 * and one while the reports are made, at the first request to Metrist.
 */

throwAt('http.client.request.start', 3, 'thrown in the steps');
throwAt('undici:request:create', 1, 'thrown in the reports');

function throwAt(event: string, request: number, message: string): void {
  let requests = 0;
  channel(event).subscribe(() => {
    if (++requests !== request) return;
    setImmediate(() => {
      throw new Error(message);
    });
  });
}
