export { dicomFormat } from './dicomFormat.ts';
