/**
 * Names of devices, for configuration files and options: without onnxruntime, which only the training thread loads.
 * @module
 */

/** Devices by the name of what drives them: CUDA and WebGPU on GPUs, DirectML on Windows, Core ML on Macs. */
export const DEVICES = ['cpu', 'webgpu', 'cuda', 'dml', 'coreml'] as const;
export type Device = (typeof DEVICES)[number];

/** One device or several in order of preference; `auto` is every device that may exist here, the CPU last. */
export type DeviceChoice = 'auto' | Device | readonly Device[];
