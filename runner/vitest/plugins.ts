import type { ProvidedContext } from 'vitest';
import type { Plugin } from 'vitest/config';
import type { Reporter } from 'vitest/node';

/**
 * vitest writes a token for its API, which a run does not use, to the user's data directory, and does not start if it
 * cannot. This plugin lends it another directory for that moment.
 */
export function hideApiToken(dir: { readonly path: string; remove(): Promise<void> }): Plugin {
  const { XDG_DATA_HOME: before } = process.env;
  process.env['XDG_DATA_HOME'] = dir.path;
  return {
    name: 'hide-api-token',
    // oxlint-disable-next-line no-misused-promises -- vitest waits for it
    async configureVitest() {
      if (before === undefined) delete process.env['XDG_DATA_HOME'];
      else process.env['XDG_DATA_HOME'] = before;
      await dir.remove();
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

/** Lets `vitest list` run the suite. By default it only searches the text for tests, and ours are made by a function. */
export function listSteps(): Plugin {
  return {
    name: 'list-steps',
    configureVitest({ vitest }) {
      const collect = vitest.collect.bind(vitest);
      vitest.collect = async (filters, options) => await collect(filters, { ...options, staticParse: false });
    },
  };
}
