import type { Overview } from '../../history/overview.ts';

export interface ReportOptions {
  /** When the page is made. Epoch, UTC. */
  readonly generatedMs: number;
  /** The version of this product. */
  readonly version: string;
}

/** Renders the report as one self-contained HTML page. */
export function renderReport(overview: Overview, options: ReportOptions): string {
  const generated = new Date(options.generatedMs).toISOString();
  return `<!doctype html><html lang="en"><head><title>${overview.state.overall.state}</title></head><body>${generated}</body></html>`;
}
