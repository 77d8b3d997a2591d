/**
 * Assembles the WebAssembly of `src/crypto/lanesKernel` and writes it as a string into the module beside its source, so
 * that a packaged program carries no binary file. A test compares the two. Run: `npm run build:wasm`
 * @module
 */
import { readFile, writeFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import wabt from 'wabt';

const FOLDER = new URL('../src/crypto/lanesKernel/', import.meta.url);

/** Where the generated module is. */
export const LANE_CODE = new URL('laneCode.ts', FOLDER);

/** Text of the generated module. @throws Error naming line and column when the source does not assemble. */
export async function laneCode(): Promise<string> {
  const { parseWat } = await wabt();
  const assembled = parseWat('lanes.wat', await readFile(new URL('lanes.wat', FOLDER), 'utf8'), { simd: true });
  assembled.validate();
  const { buffer } = assembled.toBinary({});
  assembled.destroy();
  return `/**
 * The lane kernel's code, assembled from lanes.wat by \`npm run build:wasm\`: do not edit.
 * @module
 */

/** WebAssembly with 128-bit SIMD, ${buffer.length} bytes, base64. */
export const LANE_CODE =
  '${Buffer.from(buffer).toString('base64')}';
`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await writeFile(LANE_CODE, await laneCode());
