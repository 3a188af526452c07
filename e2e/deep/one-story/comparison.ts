import type { Printed } from './views.ts';

/** How many figures of one view a failed test names. */
const maxShown = 5;

/** Collects every figure in which a view disagrees with the history, so that one test names them for all views. */
export class Comparison {
  readonly #found: Map<string, string[]>;
  readonly #about: string;
  #compared = 0;

  /** @param about what the figures belong to, in front of their names */
  constructor(about = '', found = new Map<string, string[]>()) {
    this.#about = about;
    this.#found = found;
  }

  /** How many figures were compared. */
  get compared(): number {
    return this.#compared;
  }

  /** One line for each disagreement, the first five of each view. Empty if there is none. */
  get disagreements(): string {
    const lines = [...this.#found].flatMap(([view, found]) => {
      const more = found.length - maxShown;
      return [...found.slice(0, maxShown), ...(more > 0 ? [`${view} disagrees on ${more} more figures`] : [])];
    });
    return lines.join('\n');
  }

  /** Compares figures of one run, say. What disagrees is collected here as well. */
  about(what: string): Comparison {
    return new Comparison(`${what}, `, this.#found);
  }

  /** What a view says must be exactly what was computed. */
  same(view: string, figure: string, shown: unknown, computed: unknown): void {
    this.#compared += 1;
    if (JSON.stringify(shown) !== JSON.stringify(computed)) this.#disagree(view, figure, shown, computed);
  }

  /** What a view says may differ by as much as it is rounded. */
  near(view: string, figure: string, shown: Printed | number | null, computed: number, tolerance = 1e-6): void {
    this.#compared += 1;
    const printed = typeof shown === 'object' && shown !== null ? shown : { value: shown ?? NaN, tolerance };
    const isNear = Math.abs(printed.value - computed) <= Math.max(printed.tolerance, tolerance);
    if (!isNear) this.#disagree(view, figure, printed.value, computed);
  }

  #disagree(view: string, figure: string, shown: unknown, computed: unknown): void {
    const text = `${view} disagrees on ${this.#about}${figure}: it says ${JSON.stringify(shown)}, the history ${JSON.stringify(computed)}`;
    this.#found.set(view, [...(this.#found.get(view) ?? []), text]);
  }
}
