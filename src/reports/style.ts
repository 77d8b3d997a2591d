/**
 * The report's style sheet: no font or image from elsewhere, light and dark, printable.
 * @module
 */
export const STYLE = `
:root{--ink:#1b2430;--soft:#5a6675;--paper:#fbfbf9;--card:#fff;--rule:#dfe3e6;--one:#0b6e75;--two:#b4531a;--three:#6b4fa0;--bad:#9c2b2b}
@media(prefers-color-scheme:dark){:root{--ink:#e8ebee;--soft:#9aa6b2;--paper:#14181d;--card:#1b2128;--rule:#323b45;--one:#4fc1c9;--two:#f0985e;--three:#b79df0;--bad:#ef8a8a}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
main{max-width:860px;margin:0 auto;padding:40px 24px 64px}
h1{font-size:15px;font-weight:600;letter-spacing:.04em;color:var(--soft);margin:0 0 12px}
.verdict{font-size:27px;line-height:1.32;font-weight:600;margin:0 0 8px;text-wrap:pretty}
.verdict.aborted{color:var(--bad)}
.sub{color:var(--soft);margin:0 0 28px}
h2{font-size:19px;margin:44px 0 6px;padding-top:14px;border-top:1px solid var(--rule)}
h2+p{margin-top:0}
p{max-width:68ch}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;margin:0;padding:0}
.tile{background:var(--card);border:1px solid var(--rule);border-radius:8px;padding:12px 14px}
.tile dt{font-size:13px;color:var(--soft)}
.tile dd{margin:2px 0 0;font-size:23px;font-weight:600;font-variant-numeric:tabular-nums}
.tile small{display:block;font-size:13px;font-weight:400;color:var(--soft)}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;margin:10px 0}
caption{text-align:left;color:var(--soft);font-size:14px;padding-bottom:6px}
th,td{text-align:left;padding:7px 14px 7px 0;border-bottom:1px solid var(--rule);vertical-align:top}
th{font-weight:600;font-size:14px}
th[scope=row]{white-space:nowrap}
td.n,th.n{text-align:right;white-space:nowrap}
.note{color:var(--soft);font-size:14px}
svg{width:100%;height:auto;display:block;margin:12px 0 2px}
svg .grid{stroke:var(--rule);stroke-width:1}
svg text{fill:var(--soft);font-size:12.5px;font-family:inherit}
svg .label{fill:var(--ink);font-size:14px}
svg .line{fill:none;stroke-width:2.4;stroke-linejoin:round}
svg .line.training{stroke:var(--one)}
svg .line.validation{stroke:var(--two);stroke-dasharray:7 4}
svg .dot.validation{fill:var(--two)}
svg .drop{stroke:var(--bad);stroke-width:1.5;stroke-dasharray:2 4}
svg .federated{fill:var(--one)}
svg .alone{fill:none;stroke:var(--two);stroke-width:2.2}
svg .pooled{stroke:var(--three);stroke-width:2.2}
.legend{color:var(--soft);font-size:14px;margin:0 0 8px}
.key{display:inline-block;width:14px;height:10px;margin:0 6px 0 14px;border-radius:2px;vertical-align:baseline}
.legend .key:first-child{margin-left:0}
.key.training,.key.federated{background:var(--one)}
.key.validation{background:var(--two)}
.key.alone{border:2px solid var(--two)}
.key.pooled{background:var(--three)}
.key.drop{background:var(--bad)}
code{font:13px/1.5 ui-monospace,Menlo,Consolas,monospace;overflow-wrap:anywhere}
footer{margin-top:48px;color:var(--soft);font-size:14px}
@media print{body{background:#fff;font-size:12px}main{padding:0;max-width:none}h2{break-after:avoid}table,svg,.tiles{break-inside:avoid}}
`;
