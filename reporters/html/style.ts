import { createHash } from 'node:crypto';
import { html, trusted, type Html } from './html.ts';

/** Each colour in light and in dark. All can be told apart with every common colour blindness, because lightness differs. */
const palette = {
  page: ['#ffffff', '#11161c'],
  ink: ['#1b232b', '#e7ebef'],
  muted: ['#525e69', '#a9b4bf'],
  line: ['#d5dbe1', '#333d47'],
  faint: ['#f3f5f7', '#1a2129'],
  median: ['#1f5f99', '#7fb8ee'],
  band: ['#bcd5ec', '#23466a'],
  edge: ['#5f8fbf', '#4d7fae'],
  theirs: ['#b8370c', '#ff9166'],
  ours: ['#7a3b9c', '#d3a2ee'],
  blocked: ['#7b8894', '#7d8a96'],
  propagation: ['#0d7268', '#56c7b8'],
  up: ['#4f9c7a', '#4c9a79'],
  degraded: ['#e2ab2f', '#d9a63a'],
  shadeTheirs: ['#fbe4da', '#43231a'],
  shadeOurs: ['#f0e4f6', '#35223f'],
  shadeDegraded: ['#fbf0d2', '#3a3017'],
  share100: ['#d6ebe2', '#1d4536'],
  share99: ['#f7e6b8', '#5a4612'],
  share95: ['#f0b376', '#8a4c10'],
  share90: ['#bd4a16', '#dc6730'],
  share0: ['#8f2405', '#f2754b'],
  goodSign: ['#1f7a57', '#5fbf97'],
  onAmber: ['#1b232b', '#1b232b'],
  onShare: ['#1b232b', '#f2f5f7'],
  onBad: ['#ffffff', '#140a05'],
} as const satisfies Record<string, readonly [light: string, dark: string]>;

export type Colour = keyof typeof palette;

/**
 * Attributes that paint an SVG element. The attributes carry the picture where a content-security policy forbids CSS; the
 * class lets CSS replace them in dark mode.
 */
export function paint({ fill, stroke }: { readonly fill?: Colour; readonly stroke?: Colour }): Html {
  const classes = [fill && `f-${fill}`, stroke && `s-${stroke}`].filter((name) => name !== undefined).join(' ');
  return html` class="${classes}"
  fill="${fill === undefined ? 'none' : palette[fill][0]}"${
    stroke !== undefined && html` stroke="${palette[stroke][0]}"`
  }`;
}

const names = Object.keys(palette) as Colour[];
const variables = (index: 0 | 1): string => names.map((name) => `--${name}:${palette[name][index]}`).join(';');

const sheet = `:root{color-scheme:light dark;${variables(0)}}
@media screen and (prefers-color-scheme:dark){:root{${variables(1)}}}
@media print{:root{color-scheme:light}}
${names.map((name) => `.f-${name}{fill:var(--${name})}.s-${name}{stroke:var(--${name})}`).join('\n')}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%;scroll-padding-top:1rem}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
.wrap{max-width:1040px;margin:0 auto;padding:0 20px}
a{color:var(--median)}
a:focus-visible,summary:focus-visible,.scroll:focus-visible{outline:3px solid var(--median);outline-offset:2px;border-radius:3px}
.rehearsal{margin:0;padding:10px 20px;background:var(--shadeDegraded);border-bottom:1px solid var(--degraded);text-align:center}
header{padding:36px 0 8px}
.where{margin:0 0 14px;color:var(--muted);font-size:.9rem}
.where b{color:var(--ink);font-weight:600}
h1{display:flex;align-items:center;gap:14px;margin:0;font-size:2.3rem;line-height:1.15;font-weight:700;letter-spacing:-.02em;text-wrap:balance}
h1 svg{flex:none;width:38px;height:38px}
table.tight{white-space:nowrap}.tight th,.tight td{padding:6px 9px}
.lead{max-width:52rem;margin:14px 0 0;font-size:1.15rem;line-height:1.5;text-wrap:pretty}
.lead+.lead{margin-top:6px}
.aside{max-width:44rem;margin:14px 0 0;color:var(--muted)}
.key-figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(190px,1fr));gap:0 28px;margin:28px 0 0;border-top:1px solid var(--line)}
.key-figures>div{padding:14px 0 12px}
.key-figures dt{color:var(--muted);font-size:.85rem}
.key-figures dd{margin:0;font-size:1.55rem;font-weight:650;letter-spacing:-.01em;font-variant-numeric:tabular-nums}
.key-figures dd.of{font-size:.85rem;font-weight:400;letter-spacing:0;line-height:1.4;color:var(--muted)}
nav{margin:18px 0 0;padding:10px 0;border-top:1px solid var(--line);border-bottom:1px solid var(--line);font-size:.9rem}
nav ul{display:flex;flex-wrap:wrap;gap:2px 20px;margin:0;padding:0;list-style:none}
nav a{display:inline-block;padding:3px 0;text-decoration:none}
nav a:hover{text-decoration:underline}
@media screen{.hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}}
section{margin:48px 0 0}
h2{margin:0 0 6px;font-size:1.4rem;line-height:1.25;letter-spacing:-.01em}
h3{margin:26px 0 0;font-size:1rem;line-height:1.4}
.head{display:flex;flex-wrap:wrap;align-items:baseline;gap:0 12px;margin:26px 0 0}.head>*{margin:0}.head p{color:var(--muted);font-size:.9rem}
.intro{max-width:46rem;margin:0 0 14px;color:var(--muted)}
figure{margin:6px 0 0}
.scroll{overflow-x:auto}
svg{display:block}
.scroll>svg{width:100%;min-width:700px;height:auto}
.key{display:flex;flex-wrap:wrap;gap:4px 20px;margin:0 0 6px;padding:0;list-style:none;color:var(--muted);font-size:.85rem}
.key li{display:flex;align-items:center;gap:7px}
details{margin:6px 0 0;font-size:.9rem}
summary{width:fit-content;padding:3px 0;color:var(--median);cursor:pointer}
details .scroll{max-height:26rem;overflow:auto;margin:4px 0 8px;border:1px solid var(--line);border-radius:6px}
details thead th{position:sticky;top:0;background:var(--page)}
table{border-collapse:collapse;width:100%;font-size:.9rem;line-height:1.4}
caption{padding:0 0 6px;text-align:left;color:var(--muted)}
header figure{margin-top:14px}
details caption{padding:8px 12px 2px}
th,td{padding:6px 12px;border-bottom:1px solid var(--line);text-align:left;vertical-align:top;font-variant-numeric:tabular-nums}
thead th{color:var(--muted);font-weight:600;white-space:nowrap}
tbody th{font-weight:600;white-space:nowrap}
tbody tr:last-child>*{border-bottom:0}
section>.scroll th:first-child,section>.scroll td:first-child{padding-left:0}
.figures td,.figures thead th:not(:first-child){text-align:right;white-space:nowrap}
details thead th,details .figures thead th:not(:first-child){white-space:normal;vertical-align:bottom}
small{color:var(--muted);font-size:.82rem}
tfoot th,tfoot td{border-top:2px solid var(--line);border-bottom:0;font-weight:600}
.state{display:inline-flex;align-items:center;gap:7px;white-space:nowrap}
.failure{margin:14px 0 0;padding:20px 24px 22px;border:1px solid var(--line);border-left:6px solid var(--theirs);border-radius:8px}
.failure.ours{border-left-color:var(--ours)}
.failure h3{margin-top:18px}
.failure p{max-width:46rem;margin:6px 0 0}
.verdict{color:var(--muted)}
blockquote{margin:10px 0 0;padding:0 0 0 14px;border-left:2px solid var(--line)}
pre{overflow-x:auto;margin:8px 0 0;padding:14px 16px;background:var(--faint);border:1px solid var(--line);border-radius:6px;font:.82rem/1.55 ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace}
code{font:.9em ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace;overflow-wrap:anywhere}
.notes li{max-width:46rem;margin:4px 0}
footer{margin:48px 0 0;padding:18px 0 40px;border-top:1px solid var(--line);color:var(--muted);font-size:.88rem}
@media (max-width:600px){.wrap{padding:0 16px}header{padding-top:24px}h1{font-size:1.75rem;gap:10px}h1 svg{width:30px;height:30px}.lead{font-size:1.05rem}.key-figures{grid-template-columns:1fr 1fr;gap:0 18px}.key-figures dd{font-size:1.3rem}.failure{margin:14px 0 0;padding:16px}section{margin-top:38px}}
@media print{nav{display:none}body{font-size:11pt}.wrap{max-width:none;padding:0}section,header{margin-top:18pt;padding-top:0}figure,.failure,tr{break-inside:avoid}h2,h3,.head,.key,caption{break-after:avoid}.scroll,details .scroll,pre{overflow:visible;max-height:none;white-space:pre-wrap}.scroll{white-space:normal}.scroll>svg{min-width:0}details:not(.long)::details-content{content-visibility:visible;display:block;block-size:auto}details.long{display:none}details figure{break-inside:auto}table{font-size:8.5pt}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}`;

/** The style sheet. It only improves: the page is complete without it. */
export const styleElement = html`<style>
  ${trusted(sheet)}
</style>`;

/** The source in a content-security policy that permits the style sheet, and no other style: `'sha256-…'`. */
export function styleSource(): string {
  const content = styleElement.markup.replaceAll(/^<style>|<\/style>$/g, '');
  return `'sha256-${createHash('sha256').update(content).digest('base64')}'`;
}
