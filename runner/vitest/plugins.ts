import { randomUUID } from 'node:crypto';
import path from 'node:path';
import type { ProvidedContext } from 'vitest';
import type { Plugin } from 'vitest/config';
import type { Reporter } from 'vitest/node';

/**
 * vitest writes a token for its API to the user's data directory, and does not start if it cannot. If a token is there already,
 * vitest only reads it. So while vitest starts, this plugin gives it a directory of ours that holds a token. That token is
 * public, so a random one then takes its place, in case somebody turns on the API. A monitor run does not use the API.
 */
export function avoidApiToken(): Plugin {
  const { XDG_DATA_HOME: before } = process.env;
  process.env['XDG_DATA_HOME'] = path.join(import.meta.dirname, 'placeholder-token');
  return {
    name: 'avoid-api-token',
    configureVitest({ vitest, project }) {
      if (before === undefined) delete process.env['XDG_DATA_HOME'];
      else process.env['XDG_DATA_HOME'] = before;
      const token = randomUUID();
      vitest.config.api.token = token;
      project.config.api.token = token;
    },
  };
}

/**
 * Hands values to the suite, which takes them by `inject()`. vitest's own option `provide` would do the same, but shows its
 * values to everything that prints the resolved config, such as `DEBUG=vite:config`. The settings hold credentials.
 */
export function provideToSuite(values: Partial<ProvidedContext>): Plugin {
  return {
    name: 'provide-to-suite',
    configureVitest({ project }) {
      for (const [key, value] of Object.entries(values)) project.provide(key as keyof ProvidedContext, value);
    },
  };
}

/**
 * Adds our reporter to those of `--reporter`, which replaces the reporters of the config file. Ours comes first, because it
 * removes secrets from what the others print.
 */
export function addReporter(reporter: Reporter & { shareTerminal(): void }): Plugin {
  return {
    name: 'add-reporter',
    configureVitest({ vitest }) {
      const { reporters } = vitest.config;
      if (reporters.flat().includes(reporter)) return;
      reporter.shareTerminal();
      reporters.unshift(reporter);
    },
  };
}

/** Makes `vitest list` run the suite's file. By default it only searches the text for tests, and a function makes ours. */
export function listSteps(): Plugin {
  return {
    name: 'list-steps',
    configureVitest({ vitest }) {
      const collect = vitest.collect.bind(vitest);
      vitest.collect = async (filters, options) => await collect(filters, { ...options, staticParse: false });
    },
  };
}
