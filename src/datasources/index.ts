export * from './dataSource.ts';
export * from './dataStructure.ts';
export * from './schema.ts';
export * from './suggest.ts';
