export * from './runJournal.ts';
export * from './sumLog.ts';
