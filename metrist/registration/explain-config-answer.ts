import { type RequestContext, explainStatus } from '../delivery/explain.ts';
import { joinLines } from '../../text/printable.ts';

/** An answer, read to its end. */
export interface ReadAnswer {
  readonly status: number;
  readonly location: string | null;
  readonly text: string;
}

const mostShown = 200;
const mostDetails = 10;

/**
 * Why Metrist did not do what it was asked, and what to do about it. With a 422 the API's own words follow, a line each:
 *
 * ```text
 * HTTP 422 from app.metrist.io: Metrist does not accept this:
 * - /run_spec/run_type: Invalid value for enum
 * ```
 */
export function explainConfigAnswer({ status, location, text }: ReadAnswer, context: RequestContext): string {
  const answer = `HTTP ${status} from ${context.host}`;
  if (status === 403 || status >= 500 || (status >= 300 && status < 400)) {
    return explainStatus(status, location, context);
  }
  if (status === 422) return [`${answer}: Metrist does not accept this:`, ...readDetails(text)].join('\n');
  if (status === 429) return `${answer}: too many requests; try again in a minute`;
  return `${answer}: not what the Metrist API answers; check METRIST_API_HOST and any proxy on the way`;
}

/** `{"errors":[{"title":"Invalid value","source":{"pointer":"/steps"},"detail":"Missing field: steps"}]}` */
function readDetails(text: string): string[] {
  try {
    const { errors } = JSON.parse(text) as {
      readonly errors: readonly { readonly source?: { readonly pointer?: string }; readonly detail?: string }[];
    };
    return errors
      .slice(0, mostDetails)
      .map(
        ({ source, detail }) =>
          `- ${joinLines(source?.pointer ?? '?', mostShown)}: ${joinLines(detail ?? '?', mostShown)}`,
      );
  } catch {
    return [`- ${joinLines(text, mostShown)}`];
  }
}
