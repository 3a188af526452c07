/** What a child process makes: the HTML report, and the status as JSON. */
export type PageName = 'report' | 'status';
