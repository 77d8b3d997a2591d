/**
 * Rules that the report of an evaluation adds to those of all reports.
 * @module
 */
export const EVALUATION_STYLE = `
.alert{color:var(--bad)}.lede .alert{color:var(--bad)}
.withheld{color:var(--warn);background:var(--warn-soft);border-radius:.2rem;padding:0 .35rem;font-size:.8125rem;white-space:nowrap}
td.interval{color:var(--muted)}td .hint{white-space:nowrap}
.dense{font-size:.875rem}.dense th,.dense td{padding-right:.8rem}
.matrices{display:grid;grid-template-columns:repeat(auto-fill,minmax(15rem,1fr));gap:.4rem 2rem}
.matrices .scroll{margin:.5rem 0}.matrix{width:auto;min-width:100%;font-size:.875rem}.matrix caption{color:var(--ink);font-weight:600}
.matrix th,.matrix td{padding:.35rem .6rem}
.shade{background:color-mix(in srgb,var(--shade) calc(var(--share,0)*40%),transparent)}
.right{--shade:var(--federated)}.wrong{--shade:var(--second)}.shade .hint{color:inherit}
.curves figcaption{margin:0 0 .6rem}
.panels.paired{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,1.15fr);gap:1rem 1.5rem;align-items:start}
.small{display:grid;grid-template-columns:repeat(auto-fill,minmax(9.5rem,1fr));gap:.5rem .8rem}
.panel svg,.small svg{display:block;width:100%;height:auto}.panel-name{margin:0;font-size:.8125rem;font-weight:600;overflow-wrap:anywhere}
.panel svg text,.panel svg .ticks text{font-size:14px}.small svg .ticks text{font-size:12px}
svg .curve{stroke:var(--federated)}svg .curve.thin{stroke-width:1.25}
svg .behind{stroke:var(--strong);stroke-width:1.5;opacity:.75}svg .band{fill:var(--federated);opacity:.16}
svg .heat{fill:var(--federated);stroke:none}svg .heat.hidden{fill:none;stroke:var(--warn);stroke-dasharray:3 3}
svg text.instead,svg .instead text{fill:var(--warn)}
@media screen and (max-width:52rem){.panels.paired{display:block}}
@media print{.panels.paired{grid-template-columns:minmax(0,1fr) minmax(0,1.15fr)}table{font-size:8.5pt}.dense{font-size:7.5pt}figure{break-inside:avoid}}
`;
