/**
 * WebGPU without a GPU: SwiftShader, the software Vulkan driver that Debian's chromium brings. Everything runs in
 * processes of its own, since the native side may end the one it is in.
 * @module
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const DRIVER = '/usr/lib/chromium/vk_swiftshader_icd.json';
const LOADERS = ['x86_64', 'aarch64'].map((machine) => `/usr/lib/${machine}-linux-gnu/libvulkan.so.1`);

/** Why there is nothing to test with, or null. */
export const NO_VULKAN = !existsSync(DRIVER)
  ? `no software Vulkan driver at ${DRIVER} (Debian's chromium has it)`
  : LOADERS.some((loader) => existsSync(loader))
    ? null
    : "no Vulkan loader (Debian's libvulkan1)";

/** What `script` of this folder prints as its last line, read as JSON. */
export async function onWebgpu<T>(script: string, args: readonly string[]): Promise<T> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--import', import.meta.resolve('tsx'), join(import.meta.dirname, script), ...args],
    { env: { ...process.env, VK_DRIVER_FILES: DRIVER, XDG_RUNTIME_DIR: tmpdir() }, maxBuffer: 1 << 26 },
  );
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as T;
}
