import { ForeignAnswerError } from '../client/iam-answer.ts';

/** How every list of IAM says whether more follows, and where. */
export interface ListAnswer {
  readonly IsTruncated?: boolean | undefined;
  readonly Marker?: string | undefined;
}

/** Far above the longest real list: an account has a few thousand users, and a page holds up to 100 of them. */
const mostPages = 1000;

/**
 * Reads a list of IAM to its end, page by page.
 *
 * @param take gets each page as soon as it is there: what came before a failure is known
 * @throws {ForeignAnswerError} for a list that does not end: some emulators repeat a marker, or give none
 */
export async function readPages<Answer extends ListAnswer>(
  list: (marker: string | undefined) => Promise<Answer>,
  take: (answer: Answer) => void,
): Promise<void> {
  const markers = new Set<string>();
  for (let marker: string | undefined; ;) {
    const answer = await list(marker);
    take(answer);
    if (answer.IsTruncated !== true) return;
    marker = answer.Marker ?? '';
    if (marker === '') throw endless('it says that more follows, but gives no marker to ask for it');
    if (markers.has(marker)) throw endless('its pages go round in a circle, with a marker that it gave before');
    if (markers.size === mostPages) throw endless(`it has more than ${mostPages} pages`);
    markers.add(marker);
  }
}

function endless(why: string): ForeignAnswerError {
  return new ForeignAnswerError(200, `the list was not read to its end: ${why}`);
}
