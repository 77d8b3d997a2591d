/**
 * The page's only style sheet.
 * @module
 */

/** Light and dark by the reader's setting, light on paper; system fonts alone, nothing is fetched. */
export const STYLE = `
:root{color-scheme:light dark;--paper:#fbfaf6;--card:#fff;--ink:#17212b;--muted:#566373;--line:#dfe1dd;--strong:#8a949e;
--federated:#0a6b68;--federated-soft:#e2f0ee;--second:#b0501a;--third:#5348a8;--bad:#a32020;--bad-soft:#fbeae8;--warn:#7d5800;--warn-soft:#fbf1d9;
--serif:"Charter","Bitstream Charter","Iowan Old Style","Sitka Text",Cambria,Georgia,"Liberation Serif",serif;
--sans:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue","Liberation Sans",Arial,sans-serif;
--mono:ui-monospace,"SF Mono",Menlo,Consolas,"Liberation Mono",monospace}
@media screen and (prefers-color-scheme:dark){:root{--paper:#11161b;--card:#182027;--ink:#e8ecef;--muted:#9dabb8;--line:#2b353e;--strong:#6d7a86;
--federated:#54c7bf;--federated-soft:#14302f;--second:#f2a56c;--third:#b3abf5;--bad:#ff9a90;--bad-soft:#3a1c1b;--warn:#ecc46a;--warn-soft:#33290f}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:1rem/1.55 var(--sans);-webkit-text-size-adjust:100%}
main,header,footer{max-width:66rem;margin:0 auto;padding:0 1.75rem}
header{padding-top:3.25rem}
.eyebrow{display:flex;flex-wrap:wrap;gap:.4rem 1rem;align-items:center;margin:0 0 1.4rem;color:var(--muted);font-size:.875rem;max-width:none}
.eyebrow b{color:var(--ink);font-weight:650}
.badge{padding:.12rem .65rem;border-radius:99rem;border:1px solid currentColor;font-weight:600;font-size:.8125rem}
.badge.good{color:var(--federated);background:var(--federated-soft)}
.badge.bad{color:var(--bad);background:var(--bad-soft)}
h1{font:400 clamp(2rem,5vw,3rem)/1.14 var(--serif);letter-spacing:-.015em;margin:0 0 1.1rem;max-width:22em;text-wrap:balance}
.lede{font:400 1.25rem/1.55 var(--serif);max-width:44em;margin:0 0 .8rem;text-wrap:pretty}
.lede strong{font-weight:700;color:var(--federated)}
.about{color:var(--muted);max-width:48em;margin:0}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(10.5rem,1fr));margin:2.4rem 0 0;padding:0;list-style:none;
border-top:2px solid var(--ink);border-bottom:1px solid var(--line)}
.tiles li{padding:1rem 1rem 1.1rem 1.15rem;border-left:1px solid var(--line)}
.tiles li:first-child{padding-left:0;border-left:0}
.tiles .name{display:block;color:var(--muted);font-size:.8125rem}
.tiles .figure{display:block;font:400 2.15rem/1.25 var(--serif);letter-spacing:-.01em;font-variant-numeric:tabular-nums lining-nums;white-space:nowrap}
.tiles li:first-child .figure{color:var(--federated)}
.tiles .more{display:block;color:var(--muted);font-size:.8125rem;line-height:1.4}
section{display:grid;grid-template-columns:minmax(0,12rem) minmax(0,1fr);gap:0 2.5rem;padding:2.6rem 0;border-bottom:1px solid var(--line)}
section>h2{font:400 1.45rem/1.25 var(--serif);margin:0;text-wrap:balance}
section>div>:first-child{margin-top:.1rem}
section>div>:last-child{margin-bottom:0}
h3{font-size:1rem;font-weight:650;margin:2.2rem 0 .6rem}
p{margin:.6rem 0;max-width:46em}
.muted,figcaption,caption,.hint{color:var(--muted)}
.small{font-size:.875rem}
.hint{display:block;font-size:.8125rem;line-height:1.4;font-weight:400}
figure{margin:1rem 0;overflow-x:auto}
figure>svg{display:block;width:100%;min-width:34rem;height:auto}
figcaption,caption{font-size:.875rem;line-height:1.5;text-align:left}
figcaption{margin-top:.5rem;max-width:52em}
.key{display:flex;flex-wrap:wrap;gap:.2rem 1.4rem;margin:0 0 .35rem;color:var(--ink)}
.key>span{display:inline-flex;align-items:center;gap:.4rem}
.scroll{overflow-x:auto;margin:1.1rem 0}.scroll+.scroll{margin-top:2.2rem}
table{border-collapse:collapse;width:100%;font-size:.9375rem;line-height:1.45;font-variant-numeric:tabular-nums lining-nums}
caption{padding:0 0 .55rem;caption-side:top}
th,td{padding:.5rem 1.1rem .5rem 0;text-align:left;vertical-align:top;border-bottom:1px solid var(--line);overflow-wrap:break-word}
th:last-child,td:last-child{padding-right:0}
thead th{border-bottom:1px solid var(--strong);color:var(--muted);font-weight:600;font-size:.8125rem;vertical-align:bottom}
tbody th{font-weight:600}
tbody tr.main>*{background:linear-gradient(var(--federated-soft),var(--federated-soft))}
tbody tr.main>:first-child{box-shadow:inset 3px 0 var(--federated);padding-left:.8rem}
.number{text-align:right}td.number{white-space:nowrap}
tbody tr.total>*{border-top:1px solid var(--strong);border-bottom:0;font-weight:600}
.note{margin:1.2rem 0;padding:.75rem 1rem;border-left:3px solid var(--warn);background:var(--warn-soft);max-width:none;font-size:.9375rem}
.note.bad{border-color:var(--bad);background:var(--bad-soft)}
.note.good{border-color:var(--federated);background:var(--federated-soft)}
.size{display:block;width:100%;min-width:6rem;height:.5rem;margin:.3rem 0 .1rem}
.size .track{fill:var(--line)}.size .bar{fill:var(--federated)}
code{font:.875em/1.5 var(--mono);overflow-wrap:anywhere}
dl{display:grid;grid-template-columns:minmax(0,14rem) minmax(0,1fr);margin:0}
dt,dd{margin:0;padding:.6rem 1.2rem .6rem 0;border-bottom:1px solid var(--line)}
dt{font-weight:600}dd{padding-right:0;overflow-wrap:anywhere}
dl>:nth-child(-n+2){padding-top:0}dl>:nth-last-child(-n+2){border-bottom:0;padding-bottom:0}
footer{padding-top:1.6rem;padding-bottom:3rem;color:var(--muted);font-size:.8125rem}
svg text{font:13px var(--sans);fill:var(--ink);font-variant-numeric:tabular-nums lining-nums}
svg .tick{fill:var(--muted);font-size:12px}svg .label{fill:var(--muted);font-size:12.5px}
svg .grid{stroke:var(--line);stroke-opacity:1}svg .axis,svg path.axis,svg .ticks{stroke:var(--strong)}svg .ticks text{stroke:none;fill:var(--muted);font-size:12px}svg g text{stroke:none}svg .label text{fill:var(--muted);font-size:12.5px}
svg .line{fill:none;stroke-width:2.25;stroke-linejoin:round;stroke-linecap:round}
svg .line.training{stroke:var(--federated)}svg .line.validation{stroke:var(--second);stroke-dasharray:7 5}
svg .mark.training{fill:var(--federated)}svg .mark.validation{fill:var(--paper);stroke:var(--second);stroke-width:1.75}
svg .end{font-weight:650}svg .end.training{fill:var(--federated)}svg .end.validation{fill:var(--second)}
svg .drop line{stroke:var(--bad);stroke-dasharray:2 4}svg .drop path,svg .drop text{fill:var(--bad)}
svg .reference{stroke:var(--federated);stroke-dasharray:5 4}svg .reference.plain{stroke:var(--strong)}
svg .main,svg .main text{font-weight:650}svg .value text{font-size:12.5px}svg .between{stroke:var(--strong);stroke-width:2}
svg .whisker{fill:none;stroke:var(--federated);stroke-width:1.75}
svg .whisker.prediction{stroke:var(--third)}svg .dot{stroke:none}svg .dot.site{fill:var(--federated)}svg .dot.mean{fill:var(--third);stroke:var(--third);stroke-width:1}svg .dot.federated{fill:var(--federated)}svg .dot.pooled{fill:var(--third)}
svg .dot.alone{fill:var(--paper);stroke:var(--second);stroke-width:2.25}
@media screen and (max-width:52rem){section{display:block}section>h2{margin-bottom:.9rem}dl{display:block}dt{border:0;padding-bottom:0}
.tiles{grid-template-columns:1fr 1fr}.tiles li:nth-child(odd){padding-left:0;border-left:0}}
@page{margin:16mm}
@media print{.tiles{grid-template-columns:repeat(5,1fr)}.tiles .figure{font-size:1.6rem}body{font-size:10pt;background:none}main,header,footer{max-width:none;padding-left:0;padding-right:0}header{padding-top:0}
section{grid-template-columns:minmax(0,8.5rem) minmax(0,1fr);gap:0 1.5rem;padding:1.4rem 0}h1{font-size:24pt}.lede{font-size:13pt}
figure,tr,.note,.tiles{break-inside:avoid}h2,h3,caption{break-after:avoid}figure,.scroll{overflow:visible}figure>svg{min-width:0}
*{-webkit-print-color-adjust:exact;print-color-adjust:exact}}
`;
