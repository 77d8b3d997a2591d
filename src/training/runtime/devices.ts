/**
 * Where a model trains: the devices that onnxruntime may find, in the order in which they are tried.
 * @module
 */
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import * as ort from 'onnxruntime-node';
import { KonsilError, messageOf } from '../../base/index.ts';
import type { Target } from '../onnx/builder.ts';
import type { Device, DeviceChoice } from './deviceNames.ts';

/** A device that was not used, and why. */
export interface Fallback {
  readonly device: Device;
  readonly reason: string;
}

/** The machine as far as it matters here; a parameter so that a test can be another machine. */
export interface Machine {
  readonly platform: NodeJS.Platform;
  /** Whether the system shows a GPU. */
  readonly hasGpu: () => boolean;
  /** Whether onnxruntime's CUDA libraries, which its package does not contain, have been added to it. */
  readonly hasCuda: () => boolean;
}

function listsAny(folder: string, pattern: RegExp): boolean {
  try {
    return readdirSync(folder).some((name) => pattern.test(name));
  } catch {
    return false;
  }
}

/** Folder of onnxruntime's shared libraries. */
function libraryFolder(): string {
  const main = createRequire(import.meta.url).resolve('onnxruntime-node');
  return join(dirname(main), '..', 'bin', 'napi-v6', process.platform, process.arch);
}

const HERE: Machine = {
  platform: process.platform,
  hasCuda: () => listsAny(libraryFolder(), /^libonnxruntime_providers_cuda/),
  // Linux shows a GPU as a render node or by NVIDIA's own device file; elsewhere only trying tells
  hasGpu: () =>
    process.platform !== 'linux' || listsAny('/dev/dri', /^renderD/) || listsAny('/dev', /^(?:nvidia\d|dxg$)/),
};

/** Why `device` cannot be here, without touching any driver; undefined when it may be. */
function findObstacle(device: Device, { platform, hasCuda }: Machine): string | undefined {
  if (device === 'dml' && platform !== 'win32') return 'DirectML exists on Windows only';
  if (device === 'coreml' && platform !== 'darwin') return 'Core ML exists on macOS only';
  if (device === 'cuda' && platform !== 'linux') return 'onnxruntime-node has CUDA for Linux only';
  if (device === 'cuda' && !hasCuda()) return 'the CUDA libraries are not installed (npm run gpu:install)';
  return undefined;
}

/** Devices to try, in order, and those that are left out at once. */
export function candidatesOf(
  choice: DeviceChoice,
  machine: Machine = HERE,
): { readonly devices: readonly Device[]; readonly fallbacks: readonly Fallback[] } {
  if (choice !== 'auto') return { devices: typeof choice === 'string' ? [choice] : choice, fallbacks: [] };
  const fallbacks: Fallback[] = [];
  const devices = (['cuda', 'dml', 'coreml', 'webgpu', 'cpu'] as const).filter((device) => {
    // drivers print to the terminal when they look for a GPU that is not there: do not ask them for nothing
    const reason =
      findObstacle(device, machine) ?? (device !== 'cpu' && !machine.hasGpu() ? 'the system shows no GPU' : undefined);
    if (reason !== undefined) fallbacks.push({ device, reason });
    return reason === undefined;
  });
  return { devices, fallbacks };
}

/** Formulations for `device`. */
export function targetOf(device: Device): Target {
  return device === 'cpu' ? 'cpu' : 'gpu';
}

/** Whether weights can stay on `device` between steps. */
export function keepsState(device: Device): boolean {
  return device === 'webgpu';
}

// providers that fail to load print before they throw, and the error says the same
ort.env.logLevel = 'fatal';

/** Options of every session on `device`. */
export function sessionOptions(device: Device, threads: number): ort.InferenceSession.SessionOptions {
  return {
    executionProviders: device === 'cpu' ? ['cpu'] : [device, 'cpu'],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
    // planning all of a run's memory ahead takes a fifth more of it, and no less time
    enableMemPattern: false,
    // 4: only what ends the process; failures come back as errors, and graphs may hold what nobody should read
    logSeverityLevel: 4,
  };
}

/** What a provider says, without its source files and checks in front and the build's paths behind. */
function reasonOf(error: unknown): string {
  const line = messageOf(error).split('\n')[0]!;
  return line.replace(/^.*(?: was false\. |\[ONNXRuntimeError\] : \d+ : )/, '').slice(0, 300);
}

/** What opening on a device gave. */
export interface Opened<T> {
  readonly device: Device;
  readonly opened: T;
  readonly fallbacks: readonly Fallback[];
}

/**
 * Opens on the first device of `choice` that works.
 *
 * @param open - Opens on one device; throws when it cannot be used. A KonsilError is the model's fault, not the
 * device's, and ends the search.
 * @throws KonsilError DEVICE_UNAVAILABLE with the reason of each device when none works.
 */
export async function openFirst<T>(
  choice: DeviceChoice,
  open: (device: Device) => Promise<T>,
  machine: Machine = HERE,
): Promise<Opened<T>> {
  const { devices, fallbacks: skipped } = candidatesOf(choice, machine);
  const fallbacks = [...skipped];
  for (const device of devices) {
    const obstacle = findObstacle(device, machine);
    if (obstacle !== undefined) {
      fallbacks.push({ device, reason: obstacle });
      continue;
    }
    try {
      return { device, opened: await open(device), fallbacks };
    } catch (error) {
      if (error instanceof KonsilError) throw error;
      fallbacks.push({ device, reason: reasonOf(error) });
    }
  }
  const tried = fallbacks.map(({ device, reason }) => `${device}: ${reason}`).join('; ');
  throw new KonsilError('DEVICE_UNAVAILABLE', `none of the devices can be used: ${tried}`);
}
