import { parseMetristConfig } from '../../../metrist/config.ts';
import { createMetristClient, explainStatus, fetchThroughProxy, MetristError } from '../../../metrist/request.ts';
import packageJson from '../../../package.json' with { type: 'json' };
import type { CheckGroup } from '../check-group.ts';
import { failure, failureOf, offlineWhy, ok, skipped } from '../finding.ts';

/** Checks that Metrist can be reached and takes the token. Nothing is posted. */
export const metrist: CheckGroup = {
  name: 'metrist',
  title: 'Metrist',
  needsNetwork: false,
  async *check({ values, envFile, isOffline, signal, probe }) {
    const { config, problems } = parseMetristConfig(values);
    for (const problem of problems) yield failure(problem, `Correct it in the environment or in the file ${envFile}.`);
    if (config === undefined) {
      if (problems.length === 0) yield skipped('Metrist', 'METRIST_API_TOKEN is not set, so nothing is posted');
      return;
    }
    const { token, baseUrl, instance } = config;
    yield ok(`results are of the instance ${instance}`);
    const { host } = new URL(baseUrl);
    if (isOffline) return yield skipped(`whether ${host} accepts the token`, offlineWhy);
    const send = createMetristClient({
      baseUrl,
      token,
      userAgent: `${packageJson.name}/${packageJson.version}`,
      fetch: fetchThroughProxy(values, baseUrl),
    });
    try {
      const { answer, text } = await probe(`asking ${host} about the token`, async (within) => {
        const received = await send({ path: '/api/v0/verify-auth', signal: within });
        return { answer: received, text: await received.readText() };
      });
      yield answer.status === 200 && text.trim() === '"ok"'
        ? ok(`${host} accepts the token`)
        : failureOf(explainStatus(answer), 'check METRIST_API_HOST and the way to it');
    } catch (error) {
      if (signal.aborted || !(error instanceof Error)) throw error;
      yield error instanceof MetristError
        ? failureOf(error.message, 'check METRIST_API_HOST and the way to it')
        : failureOf(`${host}: ${error.message}`, 'check METRIST_API_HOST and the network');
    }
  },
};
