/** How the page looks. The same light page everywhere, for the picture has no colours for a dark one. */
export const style = `
:root { color-scheme: light; --ink: #1f2328; --faded: #59636e; --rule: #e4e7eb; --right: #116329; --wrong: #a40e26; }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 28px 32px 48px; max-width: 1280px; background: #fff; color: var(--ink);
  font: 14px/1.45 system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif; -webkit-print-color-adjust: exact; print-color-adjust: exact; }
h1 { margin: 0 0 4px; font-size: 24px; line-height: 1.25; }
.facts { margin: 0 0 8px; color: var(--faded); }
.facts span + span::before { content: '·'; margin: 0 8px; }
.facts b { font-weight: 500; color: var(--ink); }
pre { margin: 0; color: var(--faded); font: 12.5px/1.5 ui-monospace, 'DejaVu Sans Mono', monospace; white-space: pre-wrap; overflow-wrap: anywhere; }
.verdict { margin: 18px 0 8px; padding: 12px 18px; border-left: 6px solid; border-radius: 3px; font-size: 20px; line-height: 1.35; }
.verdict strong { margin-right: 10px; }
.verdict.ok { color: var(--right); background: #eaf6ec; }
.verdict.not-ok { color: var(--wrong); background: #fdecee; }
figure { margin: 0 0 20px; }
figure svg { display: block; width: 100%; height: auto; }
figcaption { color: var(--faded); font-size: 12.5px; }
main { display: flex; flex-wrap: wrap; gap: 0 48px; align-items: flex-start; }
main .doubled { flex: 0 1 560px; }
details { flex: 1 0 100%; }
section { margin: 0 0 28px; max-width: 100%; }
h2 { margin: 0 0 6px; font-size: 15px; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 3px 20px 3px 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--rule); overflow-wrap: anywhere; }
th { color: var(--faded); font-weight: 500; white-space: nowrap; }
th:last-child, td:last-child { padding-right: 8px; }
.number { text-align: right; }
.number, .short { white-space: nowrap; }
tr.wrong td { color: var(--wrong); background: #fdecee; font-weight: 600; }
tr.wrong td:first-child { border-left: 4px solid; padding-left: 8px; }
tfoot td { border: 0; color: var(--faded); }
details { margin: 0 0 28px; }
summary { margin: 0 0 8px; font-weight: 600; cursor: pointer; }
@page { size: A4 portrait; margin: 10mm; }
@media print {
  body { padding: 0; font-size: 11px; }
  main { display: block; }
  figure, section, tr { break-inside: avoid; }
  figcaption span, details:not([open]) { display: none; }
  h2 { break-after: avoid; }
}
`
