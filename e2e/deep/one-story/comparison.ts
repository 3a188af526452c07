import type { Printed } from './views.ts';

/** Collects every figure in which a view disagrees, so that one test names all of them. */
export class Comparison {
  readonly disagreements: string[] = [];
  compared = 0;

  /** What a view says must be exactly what was computed. */
  same(view: string, figure: string, shown: unknown, computed: unknown): void {
    this.compared += 1;
    if (JSON.stringify(shown) !== JSON.stringify(computed)) this.#disagree(view, figure, shown, computed);
  }

  /** What a view says may differ by as much as it is rounded. */
  near(view: string, figure: string, shown: Printed | number | null, computed: number, tolerance = 1e-6): void {
    this.compared += 1;
    const printed = typeof shown === 'object' && shown !== null ? shown : { value: shown ?? NaN, tolerance };
    const isNear = Math.abs(printed.value - computed) <= Math.max(printed.tolerance, tolerance);
    if (!isNear) this.#disagree(view, figure, printed.value, computed);
  }

  #disagree(view: string, figure: string, shown: unknown, computed: unknown): void {
    this.disagreements.push(
      `${view} disagrees on ${figure}: it says ${JSON.stringify(shown)}, the history ${JSON.stringify(computed)}`,
    );
  }
}
