import { execFile } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { BINARY, hostile } from '../../../test/support/evaluationRecords.ts';
import { tempFolder } from '../../../test/support/tempFolder.ts';
import { type EvaluationResult, readEvaluation, renderEvaluation } from './index.ts';

const CHROMIUM = '/usr/bin/chromium';
const run = promisify(execFile);

/** Output of the browser on a page, with what it logs: violations of the policy and errors are there. */
async function open(folder: string, page: string, ...flags: readonly string[]): Promise<{ dom: string; log: string }> {
  const common = [
    '--headless',
    '--no-sandbox',
    '--disable-gpu',
    '--hide-scrollbars',
    '--enable-logging=stderr',
    '--v=0',
  ];
  const { stdout, stderr } = await run(
    CHROMIUM,
    [...common, `--user-data-dir=${join(folder, 'profile')}`, ...flags, pathToFileURL(page).href],
    { cwd: folder, maxBuffer: 64 * 1024 * 1024, env: { ...process.env, HOME: folder } },
  );
  return { dom: stdout, log: stderr };
}

const complaints = (log: string): string[] =>
  log.split('\n').filter((line) => /CONSOLE|Content Security Policy|Refused to/.test(line));

describe.skipIf(!existsSync(CHROMIUM))(`the page in a browser (skipped without ${CHROMIUM})`, () => {
  const written = (record: EvaluationResult): { folder: string; page: string } => {
    const folder = tempFolder();
    const page = join(folder, 'report.html');
    writeFileSync(page, renderEvaluation(record));
    return { folder, page };
  };

  it('has every section with something in it, and the record, without a complaint', async () => {
    const { folder, page } = written(BINARY);
    const { dom, log } = await open(folder, page, '--dump-dom');
    expect(complaints(log)).toEqual([]);
    const sections = [
      ...dom.matchAll(/<section aria-labelledby="(\w+)"><h2[^>]*>[^<]+<\/h2><div>([^]*?)<\/div><\/section>/g),
    ];
    expect(sections.map(([, id]) => id)).toEqual(
      'metrics hospitals models curves confusion subgroups data asked left integrity'.split(' '),
    );
    for (const [, id, content] of sections)
      expect(content!.replace(/<[^>]*>/g, '').trim().length, id).toBeGreaterThan(200);
    expect(readEvaluation(dom)).toEqual(BINARY);
  });

  it('runs nothing of a hostile record', async () => {
    const { folder, page } = written(hostile(BINARY) as EvaluationResult);
    const { dom, log } = await open(folder, page, '--dump-dom');
    expect(complaints(log)).toEqual([]);
    expect(dom).not.toMatch(/<img|<script>/);
  });

  it('prints to several pages', async () => {
    const { folder, page } = written(BINARY);
    const pdf = join(folder, 'report.pdf');
    await open(folder, page, '--no-pdf-header-footer', `--print-to-pdf=${pdf}`);
    const text = readFileSync(pdf, 'latin1');
    expect(text.startsWith('%PDF-')).toBe(true);
    expect(text.match(/\/Type\s*\/Page\b/g)!.length).toBeGreaterThanOrEqual(4);
  });

  it('is light or dark as the reader likes', async () => {
    const { folder, page } = written(BINARY);
    const brightness = async (name: string, scheme: number): Promise<number> => {
      const file = join(folder, `${name}.png`);
      await open(
        folder,
        page,
        `--blink-settings=preferredColorScheme=${scheme}`,
        '--window-size=700,900',
        `--screenshot=${file}`,
      );
      const { data } = await sharp(file)
        .extract({ left: 2, top: 2, width: 8, height: 8 })
        .greyscale()
        .raw()
        .toBuffer({ resolveWithObject: true });
      return data.reduce((sum, value) => sum + value, 0) / data.length;
    };
    expect(await brightness('dark', 0)).toBeLessThan(60);
    expect(await brightness('light', 1)).toBeGreaterThan(220);
  });
});
