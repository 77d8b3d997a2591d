export * from './federatedAveraging/podWork.ts';
export * from './federatedAveraging/siteData.ts';
export * from './federatedAveraging/sums.ts';
export * from './federatedAveraging/trainerOptions.ts';
export * from './plainSum.ts';
export * from './secureSum/coordinatorHalf.ts';
export * from './secureSum/podHalf.ts';
export * from './secureSum/publicHash.ts';
